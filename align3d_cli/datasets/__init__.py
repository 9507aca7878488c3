"""One module a data set: names first, scans when asked for."""
