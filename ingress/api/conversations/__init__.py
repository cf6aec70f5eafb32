"""Posting a message and getting its answer: shared by all chat routes."""
