"""Text tables that are a grid of points."""

import numpy as np
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan

LMI = """Frame,Source,Time,Encoder,Row Count,Column Count,X Offset,Y Offset,Z Offset
1,0,100,5,2,3,0,0,0
0,1,2,3,4,5,6,7,8
1,1,5,2,1,6,,,
1,2,5,0,0,0,3,2,7
"""


@pytest.mark.parametrize(
    "text",
    [
        LMI,
        LMI.replace("0,1,2,3,4,5,6,7,8\n", ""),
        f"Info\nCSV Version,Sensor Count\n2,1\nEnd\nSurfacePointCloud\n{LMI}End\nPart\n1,2\nEnd\n",
        LMI.replace(",", ";"),
    ],
)
def test_rows_of_triples_are_a_grid(tmp_path, text):
    """LMI's SurfacePointCloud holds x, y, z of a row of points in each line, in mm; blanks and zeros are holes."""
    (tmp_path / "a.csv").write_text(text)
    cloud = read_scan(tmp_path / "a.csv")
    hole = [np.nan] * 3
    np.testing.assert_array_equal(cloud.xyz, [[1, 1, 5], [2, 1, 6], hole, [1, 2, 5], hole, [3, 2, 7]])
    assert cloud.grid == (2, 3) and cloud.unit == "mm"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("1,2,5,0,0,0,3,2,7\n", "", "promises 2 rows of 3 points x, y, z, has 1 such rows"),
        ("3,2,7", "3,2", "promises 2 rows of 3 points x, y, z, has 1 such rows"),
        ("3,2,7", "3,2,7b", "row 2 of points: '7b' is not a number"),
        ("5,2,3,0", "5,2,x,0", "states no count"),
        ("5,2,3,0", "5,2,3000000000,0", "cannot hold them"),
    ],
)
def test_damaged_grids_are_refused_in_one_line(tmp_path, old, new, says):
    """A grid that is not as large as it says is refused."""
    (tmp_path / "a.csv").write_text(LMI.replace(old, new))
    with pytest.raises(InputRejected) as caught:
        read_scan(tmp_path / "a.csv")
    assert says in str(caught.value) and "\n" not in str(caught.value)
