"""Slack: its Web API and its events."""
