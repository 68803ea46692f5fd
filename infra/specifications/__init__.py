"""The specifications, made from the code: OpenAPI for REST, AsyncAPI for the WebSocket."""
