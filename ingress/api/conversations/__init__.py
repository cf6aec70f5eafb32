"""A message and what becomes of it: what every chat route shares."""
