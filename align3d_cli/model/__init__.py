"""Aligner, prompts, scoring and calibration, the inspector that puts them together, and bundles on disk."""
