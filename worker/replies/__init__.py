"""Sending replies: identities, clients, the outbox."""
