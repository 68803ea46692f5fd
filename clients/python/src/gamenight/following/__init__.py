"""Follows all nights: over a WebSocket, or by polling where none gets through."""
