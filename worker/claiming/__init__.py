"""Claiming threads: reservations, leases, poison-message isolation."""
