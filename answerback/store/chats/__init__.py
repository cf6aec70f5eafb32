"""Chat threads, managed by a product's own server."""
