"""What the shipped model says of the shipped examples: a change of these numbers is a change of the product."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import align3d_cli as align3d

EXAMPLES = Path(__file__).parents[1] / "examples"
TOLERANCE = 2e-3  # sums of another processor or torch end in other bits
# object score and verdict
GOLDEN = {
    "chessman/dent/001.ply": (0.8100, "defective"),
    "chessman/good/003.ply": (0.3665, "good"),
    "cookie/bump/002.ply": (0.3993, "good"),
    "cookie/good/000.ply": (0.2483, "good"),
    "organised/connector/good/000.tiff": (0.6657, "good"),
    "organised/cookie/dent/001.tiff": (0.6659, "good"),
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


# of every region: kind, area, length, width, depth, height, in the file's own unit
REGIONS: dict[str, list[tuple]] = {
    "chessman/dent/001.ply": [
        ("concave", 4676, 101.7, 53.2, 12.54, 3.804),
        ("unknown", 254.1, 41.21, 6.487, None, None),
    ],
    "chessman/good/003.ply": [],
    "cookie/good/000.ply": [],
    "organised/cookie/dent/001.tiff": [("concave", 0.0004869, 0.02867, 0.02048, 0.003078, 0.0002991)],
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
