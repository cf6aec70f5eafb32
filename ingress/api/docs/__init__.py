"""The API documentation: an OpenAPI document and an HTML page."""
