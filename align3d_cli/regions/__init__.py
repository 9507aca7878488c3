"""Defect regions: what hangs together on a surface above a level, how large and how deep it is."""
