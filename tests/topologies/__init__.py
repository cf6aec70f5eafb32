"""Several Redis servers on loopback: a master with replicas and Sentinels, and a Cluster."""
