"""Running turns: routing, deadlines, the stream, the outcome."""
