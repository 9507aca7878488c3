"""Scans through a model: one, a batch, a cluster."""
