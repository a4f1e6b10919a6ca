"""What a running shop keeps: the log of events and item changes, keys, what was served. SQLite here, servers later."""
