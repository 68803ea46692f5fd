"""Makes the specifications from the code: OpenAPI for REST, AsyncAPI for the WebSocket."""
