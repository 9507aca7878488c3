"""Parts of today against the good ones of then: a change is told with its name, chance and defective parts are not."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from align3d_cli.errors import InputRejected
from align3d_cli.model.bundle import Bundle, save_bundle
from align3d_cli.model.traits import Traits, as_json, traits_of_result
from align3d_cli.reference.references import ITSELF
from align3d_cli.report.drift_text import drift_text
from align3d_cli.report.result import result_schema
from align3d_cli.running.batch import Outcome
from align3d_cli.running.drift import CHANCE, Known, drift_of, known_in, with_drift
from align3d_cli.running.inputs import Part
from align3d_cli.running.scored import FailedScan
from tests.report.results import scored


def parts(n: int, seed: int, *, score=0.3, points=20_000, spacing=0.3, size=40.0, level=0.05) -> list[Traits]:
    """Parts of one kind: each quantity around its middle, with a spread of its own."""
    rng = np.random.default_rng(seed)
    return [
        Traits(
            float(np.clip(rng.normal(score, 0.05), 0, 1)),
            int(rng.normal(points, 200)),
            float(rng.normal(spacing, 0.003)),
            float(rng.normal(size, 0.2)),
            float(np.clip(rng.normal(level, 0.005), 0, 1)),
        )
        for _ in range(n)
    ]


THEN = Known(tuple(parts(12, 0)))


def moved(known: Known, now: list[Traits], defective: int = 0, **more) -> dict[str, str]:
    """Quantity -> side of all that moved."""
    found = drift_of(known, now, defective, **more)
    return {one["quantity"]: one["side"] for one in found["moved"]}


def test_the_same_parts_have_not_moved():
    """Scored again, all values are equal."""
    assert moved(THEN, list(THEN.traits)) == {}


def test_further_parts_of_the_kind_are_seldom_told_as_drift():
    """At most one batch in a hundred by chance; of 60 one, or by luck two."""
    found = [moved(Known(tuple(parts(10, 2 * seed))), parts(15, 2 * seed + 1)) for seed in range(60)]
    assert CHANCE == 0.01 and sum(map(bool, found)) <= 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"score": 0.6}, {"score": "higher"}),
        ({"score": 0.05}, {"score": "lower"}),
        ({"level": 0.1}, {"level": "higher"}),
        ({"points": 10_000, "spacing": 0.42}, {"points": "lower", "spacing": "higher"}),
        ({"size": 20.0}, {"size": "lower"}),
    ],
)
def test_what_moved_is_named_with_its_side(change, told):
    """From eight parts of today on, beside twelve of then."""
    assert moved(THEN, parts(8, 1, **change)) == told


def test_five_then_and_ten_now_are_enough_to_tell():
    """Five and five are not: even the clearest shift has a p of 1 / 126, and the field says so."""
    known = Known(tuple(parts(5, 0)))
    assert moved(known, parts(10, 1, spacing=0.6)) == {"spacing": "higher"}
    found = drift_of(known, parts(5, 1, spacing=0.6))
    assert (found["enough"], found["moved"]) == (False, [])
    assert drift_of(known, parts(10, 1))["enough"]


@pytest.mark.parametrize(("then", "now"), [(4, 50), (50, 4), (0, 50)])
def test_fewer_than_five_are_compared_with_nothing(then, now):
    """There is no field then."""
    assert drift_of(Known(tuple(parts(then, 0))), parts(now, 1, spacing=0.6)) is None


def test_a_minority_of_defective_parts_is_no_drift():
    """A fifth of the batch, and more where more are called defective; where it is most of the parts, it is told."""
    bad = parts(12, 3, score=0.95, level=0.3)
    good = parts(18, 4)
    assert moved(THEN, good + bad[:4]) == {}
    assert moved(THEN, good + bad, defective=12) == {}
    most = parts(30, 5, score=0.95, level=0.3)
    assert moved(THEN, good[:3] + most, defective=30) == {"score": "higher", "level": "higher"}


def test_a_change_that_moves_no_score_is_not_told():
    """Sixty scans each a hundredth larger than any of then: certain, and of no use to know."""
    known, now = Known(tuple(parts(30, 0))), [replace(one, size=one.size * 1.015) for one in parts(60, 1)]
    found = drift_of(known, now)
    assert found["moved"] == []


def test_parts_that_a_taught_model_knows_may_score_lower():
    """Scanned anew they look better to it than any other part; higher scores are drift there too."""
    known = replace(THEN, taught=True)
    assert moved(known, parts(10, 1, score=0.05)) == {}
    assert moved(known, parts(10, 1, score=0.6)) == {"score": "higher"}


def test_scores_of_other_views_are_not_compared():
    """What is asked of the scans themselves still is."""
    assert moved(THEN, parts(10, 1, score=0.6, spacing=0.4), scored_alike=False) == {"spacing": "higher"}


def test_a_quantity_that_nobody_kept_is_left_out():
    """Parts that --resume kept have no median of their points."""
    now = [replace(one, level=None) for one in parts(10, 1, level=0.2)]
    assert moved(THEN, now) == {}


def outcome(number: int, one: Traits, **changes) -> Outcome:
    """An outcome whose result states these traits."""
    side = one.size / np.sqrt(3)
    result = scored(f"{number}.ply", one.score, n_points=one.points, n_invalid=0, n_removed=0, **changes)
    result |= {"extent": [side] * 3, "resolution": result["resolution"] | {"spacing": one.spacing}}
    return Outcome(Part(f"{number}.ply", Path(f"{number}.ply")), result, level=one.level)


def test_the_last_part_of_a_batch_says_what_moved():
    """All others have null; the field and the sentence fit the schema and name quantity, medians and what to do."""
    batch = [outcome(number, one) for number, one in enumerate(parts(10, 1, spacing=0.6))]
    found = list(with_drift(batch, THEN, lambda seen: len(seen) == 10))
    assert [one.result["drift"] for one in found[:-1]] == [None] * 9
    drift = found[-1].result["drift"]
    jsonschema.Draft202012Validator(result_schema()).validate(json.loads(json.dumps(found[-1].result)))
    read = asdict(traits_of_result(batch[0].result, batch[0].level))
    assert read == pytest.approx(asdict(parts(10, 1, spacing=0.6)[0]), abs=1e-6)
    line = drift_text(drift)
    assert line.startswith("these 10 parts are not like the 12 good parts that the model knows: spacing of points 0.")
    assert "where it was 0.3 (p < 0.0001); check the scanner" in line and "\n" not in line


def test_a_failed_part_at_the_end_says_it_too():
    """What failed is not compared; the batch ends all the same."""
    failed = FailedScan("bad.ply", InputRejected("bad.ply: is empty; export it again"))
    batch = [outcome(number, one) for number, one in enumerate(parts(10, 1, score=0.7))]
    batch.append(Outcome(Part("bad.ply", Path("bad.ply")), failed.result(), failed))
    found = list(with_drift(batch, THEN, lambda seen: len(seen) == 11))[-1].result
    jsonschema.Draft202012Validator(result_schema()).validate(found)
    assert found["error"]["kind"] == "input" and [one["quantity"] for one in found["drift"]["moved"]] == ["score"]


def test_a_watch_is_compared_batch_by_batch():
    """Each batch anew: one that moved warns once."""
    now = parts(8, 1) + parts(8, 2, size=60.0) + parts(8, 3)
    found = with_drift(map(outcome, range(24), now), THEN, lambda seen: len(seen) == 8)
    told = [one.result["drift"] for one in found]
    assert [bool(one and one["moved"]) for one in told] == [row == 15 for row in range(24)]


def test_the_good_parts_of_a_taught_model_itself_are_not_compared():
    """It knows each of these scans, so it says nothing of others; five others are compared."""
    known, good = replace(THEN, taught=True), {"kind": "good", "parts": []}
    itself = [outcome(n, one, references=good, notes=[ITSELF]) for n, one in enumerate(parts(10, 1))]
    others = [outcome(n, one, references=good) for n, one in enumerate(parts(5, 2))]
    assert [one.result["drift"] for one in with_drift(itself, known, lambda seen: len(seen) == 10)] == [None] * 10
    told = list(with_drift(itself + others, known, lambda seen: len(seen) == 15))[-1].result["drift"]
    assert (told["parts"], told["moved"]) == (5, [])


def test_parts_beside_other_references_are_not_compared():
    """A calibrated model keeps what the model alone says."""
    beside = [outcome(n, one, references={"kind": "good"}) for n, one in enumerate(parts(10, 1, score=0.9))]
    assert [one.result["drift"] for one in with_drift(beside, THEN, lambda seen: len(seen) == 10)] == [None] * 10


@pytest.mark.parametrize(("where", "taught"), [("calibrate", False), ("teach", True)])
def test_a_model_keeps_what_its_good_parts_are_like(tmp_path, where, taught):
    """Written and read again without its tensors; a model that knows none, and no model at all, keep nothing."""
    record = {where: {"traits": as_json(THEN.traits)}}
    path = tmp_path / "line3.safetensors"
    save_bundle(path, Bundle("tiny", {"name": "lite"}, {"text.rendering": torch.ones(2, 4)}, record=record))
    assert known_in(path) == Known(THEN.traits, taught)
    save_bundle(path, Bundle("tiny", {"name": "lite"}, {"text.rendering": torch.ones(2, 4)}))
    assert known_in(path) == Known()
    path.write_bytes(b"no model")
    assert known_in(path) == Known() == known_in(tmp_path / "none.safetensors")
