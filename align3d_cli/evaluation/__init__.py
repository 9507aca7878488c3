"""Protocols, baselines, the run log and the tables made from it."""
