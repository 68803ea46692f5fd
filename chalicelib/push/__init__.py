"""The @connections client: posting to WebSocket connections, thousands a second, for one core."""
