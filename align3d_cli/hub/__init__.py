"""Weights from elsewhere: fetched, imported, checked."""
