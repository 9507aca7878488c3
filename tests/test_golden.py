"""What the shipped model says of the shipped examples: a change of these numbers is a change of the product."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import align3d_cli as align3d

EXAMPLES = Path(__file__).parents[1] / "examples"
TOLERANCE = 2e-3  # sums of another processor or torch end in other bits
# object score and verdict
GOLDEN = {
    "chessman/dent/001.ply": (0.7542, "defective"),
    "chessman/good/003.ply": (0.4043, "good"),
    "cookie/bump/002.ply": (0.3233, "good"),
    "cookie/good/000.ply": (0.3255, "good"),
    "organised/connector/good/000.tiff": (0.7910, "defective"),
    "organised/cookie/dent/001.tiff": (0.7443, "defective"),
}


@pytest.fixture(scope="module")
def model():
    """The shipped model."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return align3d.load(device="cpu")


@pytest.mark.parametrize("name", GOLDEN)
def test_the_examples_keep_their_scores(model, name):
    """Score and verdict as the README and the model card quote them."""
    found = model.score(EXAMPLES / name)
    score, verdict = GOLDEN[name]
    assert found.score == pytest.approx(score, abs=TOLERANCE) and found.verdict == verdict
    assert found.notes == found.doubts == () and found.inspection.n_removed == 0


@pytest.mark.parametrize("name", ["chessman/dent/001.ply", "cookie/good/000.ply"])
def test_a_turned_scan_keeps_its_score(model, name):
    """Any pose gives the same verdict, and the same score to a hundredth."""
    cloud = align3d.read(EXAMPLES / name)
    scores, verdicts = [], set()
    for turn in Rotation.random(4, rng=np.random.default_rng(3)):
        found = model.score(replace(cloud, xyz=turn.apply(cloud.xyz)))
        scores.append(found.score)
        verdicts.add(found.verdict)
    assert scores == pytest.approx([GOLDEN[name][0]] * 4, abs=0.01) and verdicts == {GOLDEN[name][1]}


# of every region: kind, area, length, width, depth, height, in the file's own unit
REGIONS: dict[str, list[tuple]] = {
    "chessman/dent/001.ply": [("concave", 4209, 95.63, 51.05, 13.38, 4.507)],
    "chessman/good/003.ply": [],
    "cookie/good/000.ply": [],
    "organised/cookie/dent/001.tiff": [
        ("concave", 0.0005216, 0.02841, 0.02326, 0.003722, 0.001655),
        ("concave", 0.0001054, 0.01517, 0.009267, 0.003026, 0.0002506),
    ],
}


@pytest.mark.parametrize("name", REGIONS)
def test_the_examples_keep_their_regions(model, name):
    """How many, what they are, and how large and deep, within a twentieth."""
    regions = model.score(EXAMPLES / name).regions
    assert [region.kind for region in regions] == [kind for kind, *_ in REGIONS[name]]
    for region, (_, *sizes) in zip(regions, REGIONS[name], strict=True):
        for found, size in zip(
            (region.area, region.length, region.width, region.depth, region.height), sizes, strict=True
        ):
            assert found == (size if size is None else pytest.approx(size, rel=0.05, abs=0.02 * region.width))


def test_the_map_finds_the_dents(model):
    """The labelled points are hotter than the others: the map points at the defect, not only the score."""
    found = model.score(EXAMPLES / "chessman/dent/001.ply")
    label = np.load(EXAMPLES / "chessman/gt/dent/001.npy").astype(bool)
    assert np.median(found.points[label]) > np.quantile(found.points[~label], 0.95)
