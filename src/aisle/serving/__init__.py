"""The HTTP edge: requests read and checked, answers written, pages drawn. Everything it knows of ranking is the `engine.Engine` protocol."""
