"""Workers, the agents they serve, and what they measure."""
