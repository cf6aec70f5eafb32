"""How a process reaches Redis: one server, the master that Sentinels name, or the nodes of a Cluster."""
