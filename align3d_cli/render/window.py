"""The window that PointAD drew each data set in, and what its points and normals were there. Imports nothing heavy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """One data set's settings of Open3D's legacy visualizer.

    side_px: of the square window, which is reduced to the size of a view; point_px: side of a point's square in it
    normal_neighbours, normal_radius: behind every normal; the radius in the file's unit, None for any distance
    """

    side_px: int = 1024
    point_px: int = 7  # published are 5 to 12, tuned for each class
    normal_neighbours: int = 50  # and within 0.1 m, which 50 neighbours in a scan of the published size never reach
    normal_radius: float | None = None


WINDOWS = {
    "mvtec": Window(),
    "eyecandies": Window(side_px=1036),
    "real3d": Window(side_px=1036, point_px=12, normal_neighbours=30, normal_radius=0.8),
}


def window_of(preset: str) -> Window:
    """The window of published views; other views are drawn in that of MVTec 3D-AD."""
    return WINDOWS.get(preset, WINDOWS["mvtec"])
