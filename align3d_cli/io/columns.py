"""A table of numbers as a cloud: which column is x, which is red, from the header, the caller, or the values."""

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.column_names import COLOUR, NORMAL, POSITION
from align3d_cli.io.source import Source

ASK = "say which they are with --columns, e.g. xyzrgb, xyznxnynz or x,y,z,-,red,green,blue"
WIDEST = 24  # numbers of a point without names; CloudCompare's points with some ten scalar fields have 20
UNIT_LENGTH = 0.02  # a normal's length differs from 1 by no more, when written with two digits


def cloud_from_table(
    source: Source, table: np.ndarray, roles: list[str] | None, *, unit: str | None = None, notes: tuple[str, ...] = ()
) -> PointCloud:
    """The cloud of an (N, K) table.

    roles: what every column is, as the file or the caller says; None: x, y, z first, then three columns of bytes are
    colours and three columns of unit vectors are normals, three more behind them the other. Raises InputRejected where
    that is unclear.
    """
    if roles and table.ndim == 2 and len(roles) > table.shape[1]:
        raise source.reject(f"{len(roles)} columns are named, {table.shape[1]} are there", ASK)
    if table.ndim != 2 or table.shape[1] < 3:
        shape = " x ".join(map(str, table.shape))
        raise source.reject(f"a table of {shape} numbers holds no points", "give three columns, x y z, or more")
    roles = roles or _guess(source, table)
    xyz, colours, normals = (_pick(table, roles, group) for group in (POSITION, COLOUR, NORMAL))
    if xyz is None:
        raise ValueError(f"no x, y and z among the roles {roles}")
    normals = None if normals is None else normals.astype(np.float32)
    return PointCloud(xyz.astype(np.float64), as_uint8(colours), normals, unit=unit, notes=notes, path=source.path)


def _pick(table: np.ndarray, roles: list[str], group: tuple[str, ...]) -> np.ndarray | None:
    if not set(group) <= set(roles):
        return None
    at = [roles.index(role) for role in group]
    if group != POSITION and not np.isfinite(table[:, at]).all(axis=1).any():
        return None  # columns that are there and blank throughout
    if at == list(range(at[0], at[0] + 3)):
        return np.ascontiguousarray(table[:, at[0] : at[0] + 3])
    return np.ascontiguousarray(table[:, at])


def _guess(source: Source, table: np.ndarray) -> list[str]:
    """Roles from the values of the three columns behind x y z. Fewer than six columns: the rest is no matter."""
    if table.shape[1] > WIDEST:
        finding = f"rows of {table.shape[1]} numbers are a map of heights or the like, not one point each"
        raise source.reject(finding, "save one point a row, x y z first")
    rest = table[:, 3:6]
    if rest.shape[1] < 3:
        return list(POSITION)
    found = _kind(rest)
    if found:
        more = _kind(table[:, 6:9])
        return [*POSITION, *found, *(more if more != found else ())]
    if table.shape[1] == 7 and _are_bytes(table[:, 4:7]):  # x y z intensity r g b, as in .pts files
        return [*POSITION, "", *COLOUR]
    raise source.reject("columns 4 to 6 are neither bytes of colour nor unit normals", ASK)


def _kind(columns: np.ndarray) -> tuple[str, ...]:
    """What three columns are by their values: NORMAL, COLOUR, or () where that is unclear or there are fewer."""
    rows = columns[np.isfinite(columns).all(axis=1)]
    if columns.shape[1] < 3:
        return ()
    return NORMAL if _are_normals(rows) else COLOUR if _are_bytes(rows) else ()


def _are_normals(rows: np.ndarray) -> bool:
    """Whether (N, 3) rows have length one; some may be (0, 0, 0), where no normal could be estimated.

    Whole numbers only could be nearly black colours as well: at least half of those must have length one.
    """
    length = np.linalg.norm(rows, axis=1)
    unit = np.abs(length - 1) < UNIT_LENGTH
    if not unit.any() or not (unit | (length == 0)).all():
        return False
    return bool((rows != np.rint(rows)).any()) or 2 * int(unit.sum()) >= len(rows)


def _are_bytes(rows: np.ndarray) -> bool:
    return len(rows) > 0 and rows.min() >= 0 and rows.max() <= 255 and bool((rows == np.rint(rows)).all())
