"""User profiles: a fold over events, the same code in replay and online."""
