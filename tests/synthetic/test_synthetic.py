"""The generator: deterministic, true labels, good twins, every kind on every family."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from align3d_cli.synthetic import FAMILIES, HELD_OUT_FAMILIES, KINDS, TRAIN_FAMILIES, make_sample, synthetic_samples

SMALL = 6000  # points: enough to see a defect, quick to make


@pytest.mark.parametrize("mode", ["full", "organised"])
def test_same_seed_same_bytes(mode):
    """A seed gives the same cloud, colours and labels again; another seed gives another cloud."""
    first, again, other = (make_sample(seed, mode=mode, n_points=SMALL, source="gear") for seed in (4, 4, 5))
    assert first.scan.cloud.xyz.tobytes() == again.scan.cloud.xyz.tobytes()
    assert first.scan.cloud.colours.tobytes() == again.scan.cloud.colours.tobytes()
    assert first.scan.defect.tobytes() == again.scan.defect.tobytes()
    assert first.kind == again.kind
    assert first.scan.cloud.xyz.tobytes() != other.scan.cloud.xyz.tobytes()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_gives_a_sound_good_scan(family):
    """Every family gives an organised scan of the size asked for with finite points, no label, and colours."""
    made = make_sample(1, kind="good", source=family, mode="organised", n_points=SMALL)
    cloud = made.scan.cloud
    assert (made.family, made.kind, made.mode) == (family, "good", "organised")
    assert not made.scan.defect.any()
    assert 0.5 * SMALL < cloud.valid.sum() < 2.5 * SMALL
    assert cloud.grid[0] * cloud.grid[1] == len(cloud)
    assert cloud.colours.shape == (len(cloud), 3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_marks_some_but_not_all(kind):
    """Each kind of defect labels a small part of a full scan and is named in the result."""
    shares = []
    for seed, family in enumerate(("carton", "turned", "figure", "ball")):
        made = make_sample(seed, kind=kind, source=family, mode="full", n_points=SMALL)
        shares.append(made.scan.defect.mean())
        assert made.kind == kind
    assert min(shares) > 0
    assert max(shares) < 0.35


@pytest.mark.parametrize("kind", KINDS)
def test_good_twin_differs_only_at_the_defect(kind):
    """Outside the label the defective organised scan equals its good twin up to the faint skirt of the stamp."""
    good, bad = (make_sample(3, kind=k, source="can", mode="organised", n_points=SMALL) for k in ("good", kind))
    assert good.scan.cloud.grid == bad.scan.cloud.grid
    both = good.scan.cloud.valid & bad.scan.cloud.valid
    moved = np.linalg.norm(good.scan.cloud.xyz - bad.scan.cloud.xyz, axis=1)
    changed = both & (moved > 1e-7)
    near = cKDTree(np.argwhere(bad.scan.defect.reshape(good.scan.cloud.grid)))
    distance, _ = near.query(np.argwhere(changed.reshape(good.scan.cloud.grid)))
    assert bad.scan.defect.any()
    assert changed[bad.scan.defect & both].mean() > (0.3 if kind == "hole" else 0.8)  # of a gap the rim is marked
    assert np.quantile(distance, 0.9) < 0.12 * max(good.scan.cloud.grid)
    assert np.allclose(good.scan.cloud.colours[both & ~changed], bad.scan.cloud.colours[both & ~changed], atol=1)


def test_labels_follow_the_displacement():
    """In a noise-free full scan the labelled points moved and the moved points are labelled."""
    good, bad = (make_sample(8, kind=k, source="carton", mode="full", n_points=SMALL) for k in ("good", "dent"))
    n = len(good.scan.cloud)
    moved = np.linalg.norm(good.scan.cloud.xyz - bad.scan.cloud.xyz[:n], axis=1)
    label = bad.scan.defect[:n]
    assert moved[label].min() > 0
    assert moved[~label].max() < 0.25 * moved[label].max()


def test_half_of_a_stream_is_good_and_held_out_families_stay_out():
    """Drawn without arguments, about half the samples are good and none is of a held-out family."""
    made = [make_sample(seed, n_points=1500) for seed in range(40)]
    assert 10 <= sum(m.kind == "good" for m in made) <= 30
    assert {m.family for m in made} <= set(TRAIN_FAMILIES)
    assert not set(TRAIN_FAMILIES) & set(HELD_OUT_FAMILIES)
    assert {m.mode for m in made} == {"full", "organised"}


def test_samples_are_named_before_and_made_when_loaded():
    """The list of samples is known by name at once; loading one twice gives the same cloud, its label as named."""
    samples = synthetic_samples(20, 7, held_out=True, n_points=SMALL)
    assert {s.category for s in samples} == set(HELD_OUT_FAMILIES)
    assert len({s.name for s in samples}) == 20
    assert sum(s.anomalous for s in samples) == 10
    for sample in samples[:6]:
        first, again = sample.load(), sample.load()
        assert first.cloud.xyz.tobytes() == again.cloud.xyz.tobytes()
        assert first.defect.any() == sample.anomalous


def test_real_mesh_becomes_a_coloured_part(shared_data):
    """A textured scan of a real object can be scanned and dented like any family, in its own colours."""
    path = shared_data / "ycb" / "013_apple.glb"
    made = make_sample(2, kind="dent", source=path, mode="organised", n_points=SMALL)
    seen = made.scan.cloud.valid
    assert made.family == "013_apple"
    assert made.scan.defect.any()
    red, green, _ = made.scan.cloud.colours[seen].mean(axis=0)
    assert red > green
