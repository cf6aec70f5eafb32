"""Access to the API: keys, session tokens, sign-ins, rate limits, idempotency keys."""
