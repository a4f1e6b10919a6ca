"""The HTTP edge: requests read and checked, answers written, pages drawn. Of ranking it knows only the `engine.Engine` protocol."""
