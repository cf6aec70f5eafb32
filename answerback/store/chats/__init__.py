"""Chat threads: opened, listed, changed, ended by a product's own server."""
