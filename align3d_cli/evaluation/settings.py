"""What can be asked of a benchmark: by which protocol, which methods, and how its table is written.

Imports nothing heavy.
"""

from typing import Literal

Protocol = Literal["zero-shot", "k-shot", "one-vs-rest", "cross-dataset"]  # who trains on what, or is shown what
Method = Literal[
    "curvature",
    "frozen",
    "pointad",
    "rgb",
    "align3d",
    "descriptors",
    "deviation",
    "good-1",
    "good-2",
    "good-4",
    "among",
    "reference",
    "frozen-theirs",
    "pointad-theirs",
    "rgb-theirs",
    "align3d-theirs",
]  # the rows of a table, in its order; -theirs: on the views that came with the data set
Drawn = Literal[
    "ours", "theirs", "both"
]  # views: drawn here, those that came with the data set, or one beside the other
TableFormat = Literal["text", "csv", "md", "json"]
