"""Combining the scores of several models: the weighted recall side, and Z = α·CTR + (1-α)·RER."""
