"""What turns produce while they run, for whoever follows a thread."""
