"""One module a data set, one Sample type."""
