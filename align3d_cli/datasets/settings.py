"""Which data sets there are, by name. Imports nothing heavy."""

from typing import Literal, get_args

DataSetName = Literal[
    "mvtec3d",
    "eyecandies",
    "real3d",
    "anomaly-shapenet",
    "mulsen",
    "3d-adam",
    "minishift",
    "prerendered",
    "folder",
    "synthetic",
]
NAMES = get_args(DataSetName)
GENERATED = "synthetic"  # the one that is made on the spot, anew for every seed; all others are files
PRERENDERED = "prerendered"  # the one whose scans come with views
