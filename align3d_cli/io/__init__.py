"""Scan files of every format: read with all they hold, written back with a heat map."""
