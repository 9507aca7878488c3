"""What the name of a column says: its role (x, red, nx ..) and its unit."""

import re

from align3d_cli.errors import UsageError
from align3d_cli.io.units import split_unit

ROLES = {
    "x": ("x", "px", "positionx", "pointx", "posx", "xpos", "coordx", "xcoord", "xcoordinate", "xkoordinate"),
    "y": ("y", "py", "positiony", "pointy", "posy", "ypos", "coordy", "ycoord", "ycoordinate", "ykoordinate"),
    "z": ("z", "pz", "positionz", "pointz", "posz", "zpos", "coordz", "zcoord", "zcoordinate", "zkoordinate"),
    "red": ("red", "r", "diffusered", "rf"),  # CloudCompare's Rf Gf Bf run from 0 to 1
    "green": ("green", "g", "diffusegreen", "gf"),
    "blue": ("blue", "b", "diffuseblue", "bf"),
    "nx": ("nx", "normalx", "normx"),
    "ny": ("ny", "normaly", "normy"),
    "nz": ("nz", "normalz", "normz"),
}
ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
POSITION, COLOUR, NORMAL = ("x", "y", "z"), ("red", "green", "blue"), ("nx", "ny", "nz")
NUMBERED = re.compile(r"points?[:_]([012])")  # ParaView's
SHORTHAND = re.compile(r"(?:xyz|rgb|nxnynz|normals?|n(?![xyz])|[-_i])+", re.IGNORECASE)


def roles_of(names: list[str]) -> list[str]:
    """The role of each column name, "" for a column that is none of ours ("Point:X", "X [mm]", "Points:0" -> "x")."""
    return [_role_of(split_unit(name)[0].lower()) for name in names]


def unit_of_columns(names: list[str]) -> tuple[str, ...]:
    """The units that the columns of x, y and z state, each once: none, one, or several that contradict each other."""
    units = (split_unit(name)[1] for name, role in zip(names, roles_of(names), strict=True) if role in POSITION)
    return tuple(dict.fromkeys(unit for unit in units if unit))


def _role_of(name: str) -> str:
    if numbered := NUMBERED.fullmatch(name):
        return POSITION[int(numbered[1])]
    return ROLE_OF.get(re.sub(r"[^a-z]", "", name.removeprefix("points")), "")


def parse_columns(text: str) -> list[str]:
    """Roles from the caller's words: "x,y,z,-,red,green,blue" or a shorthand such as "xyzrgb", "xyznormals".

    Raises UsageError for anything else.
    """
    words = re.split(r"[\s,;]+", text.strip())
    if len(words) == 1 and SHORTHAND.fullmatch(words[0]):
        parts = re.findall(r"xyz|rgb|nxnynz|normals?|n|[-_i]", words[0].lower())
        roles = [role for part in parts for role in _expand(part)]
    else:
        roles = roles_of(words)
    if not set(POSITION) <= set(roles):
        raise UsageError(f"--columns {text}: names no x, y and z; write e.g. xyzrgb or x,y,z,-,red,green,blue")
    return roles


def _expand(part: str) -> tuple[str, ...]:
    if part in ("-", "_", "i"):
        return ("",)
    return {"xyz": POSITION, "rgb": COLOUR}.get(part, NORMAL)
