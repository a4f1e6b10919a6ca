"""From a shop's files to the data set that everything is fitted on: read, map, clean, number, cut by time."""
