"""Aisle: a shop's catalogue and event log in; search, recommendation and an honest report out."""
