"""What survives a restart: the log, snapshots of the engine, and the history people read."""
