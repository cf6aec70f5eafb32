"""Reading deliveries from connections that workers open, such as Slack's Socket Mode."""
