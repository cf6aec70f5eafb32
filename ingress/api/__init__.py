"""The chat API: routes are declared in `routes`, and each call goes the way that `api` shows."""
