"""How points lie in an array: N x K, K x N, H x W x K, K x H x W, or one value a field."""

from dataclasses import replace

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.errors import UsageError
from align3d_cli.io.colours import as_uint8
from align3d_cli.io.column_names import COLOUR, NORMAL, POSITION, parse_columns, roles_of, unit_of_columns
from align3d_cli.io.columns import cloud_from_table
from align3d_cli.io.source import Source

CHANNELS = range(3, 11)  # of one point: x y z, with colours, normals and a scalar
SMALL = range(17)  # a shape such as 3 x 16 is three rows all the same
STEP = "give N x 3 or H x W x 3"
VECTORS = {  # a field of three numbers
    **dict.fromkeys(("xyz", "point", "points", "position", "pos", "p", "v"), POSITION),
    **dict.fromkeys(("rgb", "rgba", "color", "colors", "colour", "colours", "c"), COLOUR),
    **dict.fromkeys(("normal", "normals", "n"), NORMAL),
}


def cloud_of_array(source: Source, array: np.ndarray, columns: str | None) -> PointCloud:
    """The cloud of a numeric or structured array.

    array:   (N, K), (K, N), (H, W, K) or (K, H, W) numbers, K >= 3; or (N,) or (H, W) with fields
    columns: what the K numbers of a point are, see `parse_columns`; None: guessed as for a table
    Raises InputRejected for other shapes, UsageError for `columns` where fields have names.
    """
    if array.dtype.names:
        return cloud_of_fields(source, {name: array[name] for name in array.dtype.names}, columns)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (2, 3):
        finding = (
            f"a table of {' x '.join(map(str, array.shape))} numbers" if array.ndim > 1 else "a single row of numbers"
        )
        raise source.reject(f"{finding} holds no points", STEP)
    rows, grid = rows_of(array)
    return _on_grid(cloud_from_table(source, rows, parse_columns(columns) if columns else None), grid)


def rows_of(array: np.ndarray) -> tuple[np.ndarray, tuple[int, int] | None]:
    """(N, K) rows, one a point, of (N, K), (K, N), (H, W, K) or (K, H, W), and the grid (H, W) of an image."""
    first, last = array.shape[0], array.shape[-1]
    if array.ndim == 2:
        return (array.T if first in CHANNELS and last not in SMALL else array), None
    if last != 3 and 3 <= first < max(last, 4):
        array = np.moveaxis(array, 0, -1)
    return array.reshape(-1, array.shape[2]), array.shape[:2]


def cloud_of_fields(source: Source, fields: dict[str, np.ndarray], columns: str | None) -> PointCloud:
    """The cloud of arrays of one shape, (N,) or (H, W), named x, y, z, r, g, b, nx, ..; or named xyz, rgb with three
    numbers a point or fields within. Raises InputRejected when there are no x, y, z of numbers, UsageError when
    `columns` is given."""
    if columns:
        raise UsageError(f"--columns: {source.name} names its own columns; leave it out")
    flat = _flat(fields)
    by_role = {role: name for name, role in reversed([*zip(flat, roles_of(list(flat)), strict=True)])}
    if not set(POSITION) <= set(by_role):
        raise source.reject(f"its fields {', '.join(list(fields)[:8])} name no x, y and z", "name those x, y and z")
    parts = _spread([flat[by_role[role]] for role in POSITION])
    shape = parts[0].shape
    if any(part.shape != shape or part.dtype.kind not in "fiu" for part in parts) or len(shape) not in (1, 2):
        raise source.reject("its fields x, y and z do not hold numbers, as many each", STEP)
    xyz = np.stack([part.ravel().astype(np.float64) for part in parts], axis=1)
    colours, normals = (_group(flat, by_role, group, shape) for group in (COLOUR, NORMAL))
    units = unit_of_columns([by_role[role] for role in POSITION])
    if len(units) > 1:
        raise source.reject(f"its fields x, y, z are in {' and '.join(units)}", "save all three in one unit")
    cloud = PointCloud(
        xyz,
        as_uint8(colours),
        None if normals is None else normals.astype(np.float32),
        unit=units[0] if units else None,
        path=source.path,
    )
    return _on_grid(cloud, shape if len(shape) == 2 else None)


def _flat(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The fields, those of three numbers a point and those with fields within taken apart."""
    flat: dict[str, np.ndarray] = {}
    for name, values in fields.items():
        roles = VECTORS.get(name.lower(), ())
        if values.dtype.names:
            flat |= {_inner_name(name, inner): values[inner] for inner in values.dtype.names}
        elif roles and values.ndim > 1 and values.shape[-1] in (3, 4):
            flat |= {role: values[..., i] for i, role in enumerate(roles)}
        else:
            flat[name] = values
    return flat


def _inner_name(outer: str, inner: str) -> str:
    """What a field within a field is: x of normal is nx, x of position and of anything else x."""
    role = roles_of([inner])[0]
    group = VECTORS.get(outer.lower(), ())
    if group == NORMAL and role in POSITION:
        return f"n{role}"
    return role if role in group else f"{outer}.{inner}"


def _spread(xyz: list[np.ndarray]) -> list[np.ndarray]:
    """x, y, z of one shape: x (W,) and y (H,) beside z (H, W) are the axes of a height map."""
    x, y, z = xyz
    if z.ndim == 2 and z.shape == (*y.shape, *x.shape):
        return [np.broadcast_to(x, z.shape), np.broadcast_to(y[:, None], z.shape), z]
    return xyz


def _group(
    flat: dict[str, np.ndarray], by_role: dict[str, str], group: tuple[str, ...], shape: tuple[int, ...]
) -> np.ndarray | None:
    """(N, 3) of the three fields in their own type, or None when one is missing, no number or of another shape."""
    parts = [flat[by_role[role]] for role in group if role in by_role]
    if len(parts) < 3 or any(part.shape != shape or part.dtype.kind not in "fiu" for part in parts):
        return None
    return np.stack([part.ravel() for part in parts], axis=1)


def _on_grid(cloud: PointCloud, grid: tuple[int, int] | None) -> PointCloud:
    """The cloud with its grid, when it is more than a line."""
    return cloud if grid is None or min(grid) < 2 else replace(cloud, grid=grid)
