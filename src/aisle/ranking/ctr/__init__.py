"""Click-through models of the field over one table of examples; fitted by torch in files named `*_train.py`, served without it."""
