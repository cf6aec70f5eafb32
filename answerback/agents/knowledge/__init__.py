"""What an agent may look up: documents, their index, and retrieval from them."""
