"""What a family of shapes returns: a solid body as a signed distance, not yet a surface of points."""

from dataclasses import dataclass, field
from math import inf

from align3d_cli.synthetic.fields import Field
from align3d_cli.synthetic.sdf import Sdf


@dataclass(frozen=True, slots=True)
class Solid:
    """A body in its own frame and units.

    sdf:     signed distance, surface within [-half, half]
    half:    (3,) half sides of the bounding box
    reliefs: normal surface texture, (amplitude in part units, field) each, applied along the normals
    thin:    half the thickness of the thinnest member where it is known: what is engraved later stays well within it
    """

    sdf: Sdf
    half: tuple[float, float, float]
    reliefs: tuple[tuple[float, Field], ...] = field(default=())
    thin: float = inf
