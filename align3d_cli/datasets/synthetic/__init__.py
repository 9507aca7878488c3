"""Procedural parts, scans and defects with point ground truth."""
