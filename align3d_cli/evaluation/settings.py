"""What can be asked of a benchmark: by which protocol, which methods, and how its table is written.

Imports nothing heavy.
"""

from typing import Literal

Protocol = Literal["zero-shot", "one-vs-rest", "cross-dataset"]  # who trains on what
Method = Literal["curvature", "frozen", "pointad", "rgb", "align3d"]  # the rows of a table, in its order
TableFormat = Literal["text", "csv", "md", "json"]
