"""A receiver of Standard Webhooks."""
