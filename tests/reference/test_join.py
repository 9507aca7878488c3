"""Measures, weights and the account by hand on evidence of a few points."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from align3d_cli.reference import join
from align3d_cli.reference.evidence import Evidence
from align3d_cli.reference.good import Usual
from align3d_cli.reference.join import CHANNELS, WEIGHTS, logits, measures, object_logit, regime, smoothed, weights_for

SIZE = 2.0
APART = "it lies on none"
N_MEASURES = 11


def evidence(n=400, why_apart=""):
    """The same of every point: unlike 0.18, shift 0.1, 0.004 inside, nothing missing; less of all that is usual."""
    full = np.full(n, 1.0)
    usual = Usual(0.15 * full, 0.03 * full, 0.002 * full)
    place = np.full(n, np.nan) if why_apart else full
    return Evidence(
        0.3 * full, 0.18 * full, 0.2 * full, 0.1 * place, -0.004 * place, 0.0 * place, 0.0, usual, why_apart
    )  # fmt: skip


def line(n=400):
    """Even points on a line, as far as joining looks at them."""
    xyz = np.zeros((n, 3))
    xyz[:, 0] = np.arange(n)
    return SimpleNamespace(surface=SimpleNamespace(xyz=xyz))


def test_the_measures_by_hand():
    """Logarithms of distances above their floors, ratios to what is usual, and what stands out of the scan itself."""
    expected = [
        0.3, 0.2, np.log(0.2), np.log(0.2 / 0.17), 0.1, 0.1 / 0.05, 0.0,
        np.log((0.002 + 2e-4) / (0.001 + 2e-4)), 0.0, 0.0, np.log(0.3 + 0.05),
    ]  # fmt: skip
    np.testing.assert_allclose(measures(evidence(3), SIZE), np.tile(expected, (3, 1)))


def test_where_good_parts_end_it_deviates_by_a_set_share():
    """A point beyond their ends is no unknown: it deviates by ENDS of the size; missing material is cut at FAR."""
    found = evidence(2)
    ends = replace(found, signed=np.array([np.nan, -0.004]), missing=np.array([0.0, 9.0]))
    columns = measures(ends, SIZE)
    middle = (join.ENDS + 0.002) / 2
    ratio = (join.ENDS + join.FLOOR_DEVIATION) / (middle + join.FLOOR_DEVIATION)
    assert columns[0, 6] == pytest.approx(np.log(ratio))
    assert columns[:, 8].tolist() == [0, 1]


def test_what_stands_out_of_the_scan_itself():
    """One measure is 0 at the middle of the scan's descriptors, whatever its level."""
    found = evidence(3)
    assert measures(replace(found, unlike=np.array([0.08, 0.18, 0.38])), SIZE)[:, 9] == pytest.approx(
        np.log([0.5, 1, 2])
    )


def test_a_scan_that_lies_on_none_has_no_measures_of_place():
    """They are 0, and so are their weights: nan of what is unknown touches nothing."""
    found = measures(evidence(3, APART), SIZE)
    assert np.isfinite(found).all() and (found[:, 4:9] == 0).all()
    for n in (1, 4):
        assert weights_for(n, "apart").each[4:9] == (0,) * 5


def test_weights_and_channels_know_every_measure_once():
    """A weight of each in every case, and each measure in one channel."""
    assert set(WEIGHTS) == set(itertools.product(("one", "several"), ("apart", "laid", "strange")))
    assert all(len(weights.each) == N_MEASURES for weights in WEIGHTS.values())
    assert sorted(itertools.chain(*CHANNELS.values())) == list(range(N_MEASURES))
    assert weights_for(1, "laid") is WEIGHTS["one", "laid"]
    assert weights_for(2, "apart") is WEIGHTS["several", "apart"]


def test_regimes_by_where_the_scan_lies_and_how_it_looks():
    """Laid, apart, and strange where its middle is far more unlike the good parts than they are among each other."""
    assert regime(evidence()) == "laid" and regime(evidence(why_apart=APART)) == "apart"
    for why in ("", APART):
        found = evidence(why_apart=why)
        assert regime(replace(found, unlike=1.6 * 0.15 * np.ones(400))) == "strange"


def test_more_of_any_evidence_never_makes_a_point_look_better():
    """No weight is negative, so every measure that rises raises the logit."""
    assert all(weight >= 0 for weights in WEIGHTS.values() for weight in weights.each)


def test_a_logit_is_the_mean_of_those_around():
    """A lone spike is spread over its neighbours, what is the same everywhere stays."""
    at = line()
    spike = np.zeros((400, 1))
    spike[200] = 1
    found = smoothed(spike, at)
    assert found.max() == pytest.approx(1 / join.AROUND) and np.count_nonzero(found) <= 2 * join.AROUND
    np.testing.assert_allclose(smoothed(np.full(400, 3.0), at), 3)


@pytest.mark.parametrize(
    ("channel", "field", "high"),
    [("zero-shot", "zero_shot", 0.9), ("descriptors", "unlike", 0.9), ("same place", "shift", 0.6),
     ("deviation", "signed", -0.05)],
)  # fmt: skip
def test_the_account_names_the_evidence_that_stood_out(channel, field, high):
    """Where one kind of evidence alone is high on a piece of the surface, that channel spoke, with all of the logit."""
    found = evidence()
    values = np.array(getattr(found, field))
    values[100:130] = high
    logit, spoke = logits(replace(found, **{field: values}), line(), SIZE, 4)
    assert 100 <= logit.argmax() < 130 and spoke[channel] == pytest.approx(1) and set(spoke) == set(CHANNELS)
    assert sum(spoke.values()) == pytest.approx(1, abs=0.01)


def test_nothing_that_stands_out_has_no_speaker():
    """The same everywhere: all shares are 0."""
    assert set(logits(evidence(), line(), SIZE, 4)[1].values()) == {0.0}


def test_the_object_is_the_mean_of_its_highest_share():
    """Two of a hundred points, in whatever order; of a few points the highest one."""
    values = np.random.default_rng(0).permutation(100).astype(float)
    assert object_logit(values) == np.mean([99, 98])
    assert object_logit(np.array([1.0, 5, 2])) == 5


def test_evidence_without_what_is_usual_is_a_bug():
    """Nothing is weighed before the good parts were measured."""
    with pytest.raises(ValueError, match="usual"):
        measures(replace(evidence(), usual=None), SIZE)
