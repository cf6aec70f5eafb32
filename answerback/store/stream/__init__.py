"""Stream events of running turns, and following them."""
