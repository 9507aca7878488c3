"""Which column of a table is x, which is red: from the header, the caller, or the values."""

import re

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.errors import UsageError
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.source import Source

ROLES = {
    "x": ("x", "px", "positionx", "pointx"),
    "y": ("y", "py", "positiony", "pointy"),
    "z": ("z", "pz", "positionz", "pointz"),
    "red": ("red", "r", "diffusered"),
    "green": ("green", "g", "diffusegreen"),
    "blue": ("blue", "b", "diffuseblue"),
    "nx": ("nx", "normalx"),
    "ny": ("ny", "normaly"),
    "nz": ("nz", "normalz"),
}
ROLE_OF = {name: role for role, names in ROLES.items() for name in names}
NUMBERED = re.compile(r"points?[:_]([012])")  # ParaView's
SHORTHAND = re.compile(r"(?:xyz|rgb|nxnynz|normals?|n(?![xyz])|[-_i])+", re.IGNORECASE)
POSITION, COLOUR, NORMAL = ("x", "y", "z"), ("red", "green", "blue"), ("nx", "ny", "nz")
ASK = "say which they are with --columns, e.g. xyzrgb, xyznxnynz or x,y,z,-,red,green,blue"


def roles_of(names: list[str]) -> list[str]:
    """The role of each column name, "" for a column that is none of ours ("Point:X", "Points:0" -> "x")."""
    return [_role_of(name.lower()) for name in names]


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
        raise UsageError(f"columns '{text}' name no x, y and z; write e.g. xyzrgb or x,y,z,-,red,green,blue")
    return roles


def _expand(part: str) -> tuple[str, ...]:
    if part in ("-", "_", "i"):
        return ("",)
    return {"xyz": POSITION, "rgb": COLOUR}.get(part, NORMAL)


def cloud_from_table(source: Source, table: np.ndarray, roles: list[str] | None, **about: object) -> PointCloud:
    """The cloud of an (N, K) table.

    roles: what every column is, as the file or the caller says; None: x, y, z first, then three columns of
    bytes are colours and three columns of unit vectors are normals. Raises InputRejected where that is unclear.
    """
    if table.ndim != 2 or table.shape[1] < 3:
        shape = " x ".join(map(str, table.shape))
        raise source.reject(
            f"a table of {shape} holds no points", "give N x 3 (x y z), or N x 6 with colours or normals"
        )
    roles = roles or _guess(source, table)
    if len(roles) > table.shape[1]:
        raise source.reject(f"{len(roles)} columns named, the table has {table.shape[1]}", ASK)
    if not set(POSITION) <= set(roles):
        raise source.reject("the header names no x, y and z columns", ASK)
    xyz, colours, normals = (_pick(table, roles, group) for group in (POSITION, COLOUR, NORMAL))
    normals = None if normals is None else normals.astype(np.float32)
    return PointCloud(xyz.astype(np.float64), as_uint8(colours), normals, path=source.path, **about)


def _pick(table: np.ndarray, roles: list[str], group: tuple[str, ...]) -> np.ndarray | None:
    if not set(group) <= set(roles):
        return None
    at = [roles.index(role) for role in group]
    if at == list(range(at[0], at[0] + 3)):
        return np.ascontiguousarray(table[:, at[0] : at[0] + 3])
    return np.ascontiguousarray(table[:, at])


def _guess(source: Source, table: np.ndarray) -> list[str]:
    """Roles from the values of the three columns behind x y z. Fewer than six columns: the rest is no matter."""
    roles, rest = list(POSITION), table[:, 3:6]
    if rest.shape[1] < 3:
        return roles
    rest = rest[np.isfinite(rest).all(axis=1)]
    if len(rest) and np.abs(np.linalg.norm(rest, axis=1) - 1).max() < 0.02:
        return roles + list(NORMAL)
    if len(rest) and rest.min() >= 0 and rest.max() <= 255 and (rest == np.rint(rest)).all():
        return roles + list(COLOUR)
    raise source.reject("columns 4 to 6 are neither bytes of colour nor unit normals", ASK)
