"""The tower of the default model: tuned on generated scans before the two stages."""
