"""Access to the API: keys, session tokens, user tokens, sign-ins, rate limits, idempotency keys."""
