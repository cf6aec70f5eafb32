"""Workers, the agents they run, and their metrics."""
