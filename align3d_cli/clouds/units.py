"""Units of length, as `PointCloud.unit` spells them."""

MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "in": 25.4, "inch": 25.4}  # in one of each
