"""Storing what a delivery contains, however it arrived: by ingress as a webhook, by a worker through a connection."""
