"""The routes of the dashboard. Each requires the scope `admin` and shows one workspace."""
