"""From what was typed to what is meant: spelling, understanding, completion."""
