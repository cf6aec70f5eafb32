"""What the dashboard needs beyond the chat API. Each route needs the scope `admin`, and shows one workspace."""
