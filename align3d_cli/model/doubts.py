"""Why a low score does not mean a good part: what the views of a scan cannot show."""

from align3d_cli.clouds.prepare import Prepared
from align3d_cli.render.footprint import distance_apart

# Distance between points in pixels of a view that the part fills. Measured by thinning two chessmen, two cookies and a
# banana three times each: up to 4 px no verdict changed, at 5 (the defective chessman with 5000 points) two of three
# did. The scans that the model was made with have up to 4.0.
SPARSE_PX = 4.2


def doubts_of(scan: Prepared, size_px: int) -> tuple[str, ...]:
    """A sentence for each reason, none for most scans. size_px: side of a view."""
    return scan.doubts + _sparse(scan, size_px)


def _sparse(scan: Prepared, size_px: int) -> tuple[str, ...]:
    apart_px = distance_apart(scan.xyz, scan.spacing)[0] / max(scan.report["extent"]) * size_px
    if apart_px <= SPARSE_PX:
        return ()
    count = f"{len(scan.xyz):,}".replace(",", " ")
    finding = f"{count} points are too sparse for views of {size_px} px: they lie some {apart_px:.1f} px apart"
    return (f"{finding}, more than {SPARSE_PX} hide a defect; scan the part more densely",)
