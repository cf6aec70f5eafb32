"""Requests that leave this process."""
