"""Running turns: routing, the stream, the outcome."""
