"""Scans that people really have, after public reports: a dented bowl of 12 x 12 points, as many tools write it."""

from pathlib import Path

import numpy as np
import pytest

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.prepare import prepare
from align3d_cli.errors import InputRejected
from align3d_cli.io.read import read_scan


def names(text: str) -> list[str]:
    """Names of files, white space between them."""
    return text.split()


EXTENT = [20, 20, 4.73]
COLOUR = (119.6, 119.6, 90)
POINTS = names(
    """
    csv_decimal_comma_first_row_whole.csv csv_lmi_surface_point_cloud.csv csv_quoted_numbers.csv
    csv_text_column.csv csv_trailing_comma.csv csv_units_in_header.csv csv_units_row.csv csv_utf16.csv
    npy_3xN.npy npy_HxWx4.npy npy_structured_HxW.npy pcd_count_zero_padding.pcd pcd_upper_case_fields.pcd
    ply_decimal_commas.ply ply_one_face_row_short.ply ply_realsense_viewer_two_lines_a_vertex.ply
    ply_two_properties_same_name.ply ply_upper_case_XYZ.ply tiff_xyz_zstd.tiff
    txt_cloudcompare_float_colours.txt txt_cloudcompare_header_then_count.txt xyz_some_normals_zero.xyz
    """
)
MESHES = names(
    """
    glb_quantized_short.glb obj_bom_first_vertex.obj obj_colours_in_bytes.obj obj_comment_behind_face.obj
    obj_latin1_comment.obj obj_tab_after_v.obj obj_utf16.obj obj_vertex_count_two_normals.obj
    off_glued_header.off ply_face_rows_longer_than_header.ply stl_binary_count_zero.stl
    stl_binary_one_byte_more.stl stl_end_solid.stl stl_long_name.stl stl_upper_case.stl
    """
)
UNMEASURED = {
    "csv_blank_z.csv": 9,
    "csv_minus9999.csv": 40,
    "csv_words_for_missing.csv": 9,
    "ply_msvc_nan.ply": 4,
    "zeros_organised.pcd": 39,
    "zeros_organised_reference.tiff": 39,
    "zeros_points.ply": 39,
}
COLOURED = names(
    """
    npy_structured_HxW.npy ply_realsense_viewer_two_lines_a_vertex.ply txt_cloudcompare_float_colours.txt
    txt_cloudcompare_header_then_count.txt obj_colours_in_bytes.obj ply_face_rows_longer_than_header.ply
    """
)
ON_A_GRID = names(
    """
    csv_lmi_surface_point_cloud.csv npy_HxWx4.npy npy_structured_HxW.npy tiff_xyz_zstd.tiff
    """
)
IN_MM = names(
    """
    csv_lmi_surface_point_cloud.csv csv_units_in_header.csv csv_units_row.csv
    """
)
REFUSED = {
    "pcd_type_missing_message.pcd": "FIELDS names 5 fields, SIZE has 4 values, TYPE has 4 values",
    "ply_header_line_without_keyword.ply": "line 3, 'Created by Some Tool",
    "ply_splat_packed_message.ply": "packed positions, a compressed splat; save it uncompressed",
}


def case(shared_data: Path, name: str) -> Path:
    """A file of the cases, or a skip where this copy of them lacks it."""
    path = shared_data / "cases" / name
    if not path.is_file():
        pytest.skip(f"{name} is not among the cases")
    return path


def extent(xyz: np.ndarray) -> np.ndarray:
    return np.ptp(xyz[np.isfinite(xyz).all(axis=1)], axis=0)


def has_colour(cloud: PointCloud) -> bool:
    return cloud.colours is not None and np.allclose(cloud.colours.mean(axis=0), COLOUR, atol=1)


@pytest.mark.parametrize("name", POINTS)
def test_points(shared_data, name):
    """All 144 points, with their colours, grid and unit where the file has them."""
    cloud = read_scan(case(shared_data, name))
    assert len(cloud) == cloud.valid.sum() == 144
    np.testing.assert_allclose(extent(cloud.xyz), EXTENT, atol=0.01)
    assert has_colour(cloud) == (name in COLOURED)
    assert cloud.grid == ((12, 12) if name in ON_A_GRID else None)
    assert cloud.unit == ("mm" if name in IN_MM else None)


@pytest.mark.parametrize("name", MESHES)
def test_meshes(shared_data, name):
    """All 144 vertices in file order and 242 triangles."""
    cloud = read_scan(case(shared_data, name))
    assert cloud.mesh.vertices.shape == (144, 3) and cloud.mesh.faces.shape == (242, 3)
    np.testing.assert_allclose(extent(cloud.mesh.vertices), EXTENT, atol=0.01)
    assert has_colour(cloud) == (name in COLOURED)


def test_groups_that_repeat_their_border(shared_data):
    """Two groups have 84 and 72 vertices of their own; relative numbers count from those read so far."""
    mesh = read_scan(case(shared_data, "obj_relative_indices_two_groups.obj")).mesh
    assert len(mesh.faces) == 242
    np.testing.assert_allclose(extent(mesh.vertices[mesh.faces].reshape(-1, 3)), EXTENT, atol=0.01)


@pytest.mark.parametrize(("name", "count"), UNMEASURED.items())
def test_rows_without_measurement_stay_rows(shared_data, name, count):
    """Marks, blanks and words for "nothing measured" are NaN in their place."""
    cloud = read_scan(case(shared_data, name))
    assert len(cloud) == 144 and (~cloud.valid).sum() == count
    assert extent(cloud.xyz)[2] == pytest.approx(EXTENT[2], abs=0.01)


def test_depth_in_whole_numbers(shared_data):
    """Packed depth maps read with a focal length."""
    cloud = read_scan(case(shared_data, "tiff_depth_uint16_packbits.tiff"), focal_px=100)
    assert cloud.grid == (12, 12) and cloud.valid.all()


@pytest.mark.parametrize(("name", "says"), REFUSED.items())
def test_what_cannot_be_read_is_told(shared_data, name, says):
    """One line with the finding."""
    with pytest.raises(InputRejected, match=says):
        read_scan(case(shared_data, name))


@pytest.mark.parametrize(("name", "strays"), [("big_clean.ply", 0), ("big_strays_300.ply", 300)])
def test_strays_are_found(shared_data, name, strays):
    """Points thrown off the part are left out before it is drawn; of a clean scan none are."""
    prepared = prepare(read_scan(case(shared_data, f"big/{name}")))
    assert abs(prepared.report["n_outliers"] - strays) <= 0.05 * max(strays, 60)


def test_zeros_of_a_whole_scan(shared_data):
    """Two in a hundred rows (0, 0, 0) are counted as not measured, and the part is as large as it is."""
    clean, zeros = (read_scan(case(shared_data, f"big/big_{name}.ply")) for name in ("clean", "zeros_020"))
    share = (~zeros.valid).sum() / len(zeros)
    assert share == pytest.approx(0.02, abs=0.002)
    np.testing.assert_allclose(extent(zeros.xyz), extent(clean.xyz), rtol=0.01)
