"""Follows all nights: over a WebSocket, or by polling if none gets through."""
