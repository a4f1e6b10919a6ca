"""What a running shop keeps: the log of events and item changes, profile snapshots, keys, what was served. SQLite here, servers later."""
