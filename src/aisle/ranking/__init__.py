"""How good a candidate is: the feature function, the models that read it, calibration."""
