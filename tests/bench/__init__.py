"""The benchmarks behind docs/benchmarks.md: real processes, a real server, figures printed and never asserted."""
