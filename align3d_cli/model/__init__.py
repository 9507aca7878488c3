"""Encoders, aligner, prompts and the inspector that puts them together; bundles on disk."""
