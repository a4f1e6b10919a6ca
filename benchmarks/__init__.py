"""Measuring Aisle from outside: real folders, the truth kept apart, figures with intervals."""
