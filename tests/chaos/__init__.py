"""Everything at once: thousands of conversations while processes die, Redis stands still and platforms fail."""
