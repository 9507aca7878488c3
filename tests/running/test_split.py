"""Several parts in one scan: said, doubted, and scored apart when asked."""

from pathlib import Path

import numpy as np
import pytest

import align3d_cli as align3d

EXAMPLES = Path(__file__).parents[2] / "examples/chessman"


@pytest.fixture(scope="module")
def tray():
    """A dented chessman beside a good one, 1.2 extents apart."""
    dented, good = (align3d.read(EXAMPLES / name).xyz for name in ("dent/001.ply", "good/003.ply"))
    beside = [1.2 * np.ptp(dented, axis=0).max(), 0, 0]
    return np.concatenate([dented - dented.mean(axis=0), good - good.mean(axis=0) + beside])


@pytest.fixture(scope="module")
def model():
    """The shipped model."""
    return align3d.load()


def test_one_score_for_two_parts_is_never_plainly_good(model, tray):
    """The part that is defective hides in the frame of both: the verdict says so, with what to do."""
    found = model.score(tray)
    assert found.verdict in ("unsure", "defective")
    assert "2 separate parts of 20 194 and 20 000 points" in found.doubts[0] and "--split" in found.doubts[0]


def test_parts_are_scored_as_if_they_were_alone(model, tray):
    """The largest first, each with the score that its own file has."""
    first, second = model.score_parts(tray)
    assert (first.name, second.name) == ("array#1", "array#2")
    assert first.score == pytest.approx(model.score(EXAMPLES / "dent/001.ply").score, abs=0.02)
    assert second.score == pytest.approx(model.score(EXAMPLES / "good/003.ply").score, abs=0.02)
    assert first.verdict == "defective" and second.verdict == "good" and not first.doubts


def test_a_scan_of_one_part_is_scored_as_it_is(model):
    """No number behind its name, and the score of `score`."""
    (only,) = model.score_parts(EXAMPLES / "good/003.ply")
    whole = model.score(EXAMPLES / "good/003.ply")
    assert (only.name, only.score) == (whole.name, whole.score)
