"""Fit everything in order inside a time budget, measure it honestly, refit, write a bundle."""
