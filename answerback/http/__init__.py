"""Outbound HTTP clients, and the monitoring server of a process."""
