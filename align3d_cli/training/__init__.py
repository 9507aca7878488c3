"""The feature store and the two training stages that read it."""
