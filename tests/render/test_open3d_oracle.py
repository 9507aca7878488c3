"""The paper profile against pictures that Open3D's legacy visualizer drew with PointAD's settings."""

import json

import numpy as np
import pytest
from PIL import Image

from align3d_cli.clouds.normals import estimate_normals
from align3d_cli.render.cameras import pointad_cameras, preset_rotations
from align3d_cli.render.paper import pointad_images

CLOUDS = ["002_master_chef_can", "070-a_colored_wood_blocks", "011_banana"]


@pytest.fixture(scope="module")
def oracle(shared_data):
    """Folder, clouds and views of the pictures."""
    folder = shared_data / "oracle" / "open3d"
    return folder, np.load(folder / "clouds.npz"), json.loads((folder / "views.json").read_text())


def published(folder, name: str) -> np.ndarray:
    """(3, H, W) float in [0, 1]."""
    return np.asarray(Image.open(folder / f"{name}.png").convert("RGB")).transpose(2, 0, 1) / 255.0


@pytest.mark.parametrize("name", CLOUDS)
def test_the_camera_is_the_published_one(oracle, name):
    """Intrinsics and extrinsics of all nine views equal those in views.json, in its order of views."""
    _, clouds, info = oracle
    xyz = clouds[name].astype(np.float64)
    cameras = pointad_cameras(xyz, preset_rotations("mvtec"), 1024)
    flip, centre = np.diag([1.0, -1.0, -1.0]), np.array(info[name]["centre"])
    np.testing.assert_allclose(flip @ xyz.mean(axis=0), centre, atol=1e-6)
    for view, camera_from_cloud in enumerate(cameras.camera_from_cloud):
        said = info[f"{name}_view{view}"]
        rotated_from_cloud = np.eye(4)
        rotated_from_cloud[:3, :3] = np.array(said["rotation"]) @ flip
        rotated_from_cloud[:3, 3] = centre - np.array(said["rotation"]) @ centre
        np.testing.assert_allclose(
            camera_from_cloud, said["camera_from_rotated_cloud"] @ rotated_from_cloud, atol=1e-12
        )
        intrinsic = np.array(said["intrinsic_1024"])
        assert cameras.scale_px == pytest.approx(intrinsic[0, 0]) == pytest.approx(intrinsic[1, 1])
        assert intrinsic[0, 2] == 511.5  # pixel centres at whole numbers there, at halves here: 512


@pytest.mark.parametrize("name", CLOUDS)
def test_the_look_is_the_published_one(oracle, name):
    """All nine grey views and the coloured ones: silhouette IoU >= 0.97, mean difference on the object < 0.004.

    Measured (pytest -rP prints them): IoU 0.997 to 1.000, mean difference 0.0007 to 0.0013. 77 % of the object's
    pixels have the very same 8 bits, 22 % differ by one level: the window is rounded to 8 bits once before it is
    reduced, from single precision there. The rest are squares that end within rounding of a pixel centre.
    """
    folder, clouds, _ = oracle
    xyz, rotations = clouds[name].astype(np.float64), preset_rotations("mvtec")
    normals = estimate_normals(xyz, k=50, radius=0.1)
    ours = pointad_images(xyz, rotations, normals=normals).numpy()
    for view in range(9):
        agree(f"{name} view {view} grey", ours[view], published(folder, f"{name}_view{view}_grey"))
    for view in (2, 5):
        file = f"{name}_view{view}_colour"
        if (folder / f"{file}.png").is_file():
            coloured = pointad_images(xyz, rotations[view : view + 1], normals=normals, colours=clouds[f"{name}_rgb"])
            agree(f"{name} view {view} colour", coloured[0].numpy(), published(folder, file))


def agree(what: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Print and check silhouette and mean difference of two images (3, H, W)."""
    drawn, expected = (ours < 0.995).any(axis=0), (theirs < 0.995).any(axis=0)
    iou = (drawn & expected).sum() / (drawn | expected).sum()
    difference = np.abs(ours - theirs)[:, drawn & expected].mean()
    print(f"{what}: silhouette IoU {iou:.4f}, mean difference on the object {difference:.4f}")
    assert iou >= 0.97
    assert difference < 0.004
