"""What can be asked for when a cloud is prepared. Imports nothing heavy."""

from typing import Literal

Background = Literal["auto", "keep", "remove"]  # of the plane the part lies on: found by itself, kept or removed
Drawing = Literal["ours", "theirs"]  # views: drawn here, or those that came with the data set
