"""A baseline holds good parts of one model and sets the limits of the charts that later results are drawn in."""

import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from scipy.special import expit

from align3d_cli.errors import InputRejected
from align3d_cli.metrics.control_chart import of_scores
from align3d_cli.report.baseline_page import baseline_schema
from align3d_cli.running.baseline import baseline_of, load_baseline, save_baseline
from align3d_cli.running.compare import compare
from tests.report.results import failed, scored

MODEL = {"model": "line3", "model_sha256": "c" * 64}


def results(logits, **changes: Any) -> list[dict[str, Any]]:
    """Good parts with these logits of scores, in order."""
    return [scored(f"{row}.ply", float(expit(value)), **MODEL | changes) for row, value in enumerate(logits)]


def normal(n: int, seed: int, mean: float = -2.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.5, n)


@pytest.fixture(scope="module")
def baseline():
    return baseline_of(results(normal(30, 0)), "good.jsonl")


def rules(found: dict[str, Any]) -> set:
    return {signal["rule"] for signal in found["signals"]}


def test_limits_are_those_of_a_chart_of_single_values(baseline):
    """Mean and 2.66 mean moving ranges of the logits."""
    values = of_scores(np.array([one.score for one in baseline.traits]))
    span = 2.66 * np.abs(np.diff(values)).mean()
    assert (baseline.limits.low, baseline.limits.high) == pytest.approx(
        (values.mean() - span, values.mean() + span), abs=1e-3
    )


def test_written_and_read_it_is_the_same(baseline, tmp_path):
    """To the last digit, but for its name; its file says the limits as scores too."""
    path = tmp_path / "line3.baseline.json"
    save_baseline(path, baseline)
    again = load_baseline(path)
    assert (again.identity, again.views, again.inputs, again.traits) == (
        baseline.identity,
        baseline.views,
        baseline.inputs,
        baseline.traits,
    )
    told = json.loads(path.read_text())["limits"]
    assert 0 < told["low"] < told["mean"] < told["high"] < 0.5


def test_defective_and_failed_parts_are_left_out():
    """They are counted; parts of an uncalibrated model and unsure ones are kept."""
    mixed = [
        *results(normal(6, 0)),
        failed(),
        scored("bad.ply", 0.9, **MODEL),
        scored("x.ply", 0.1, threshold=None, **MODEL),
    ]
    found = baseline_of(mixed, "good.jsonl")
    assert (len(found.traits), found.left_out) == (7, 2) and found.rough


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (results(normal(4, 0)), "4 good parts in it, at least 5 are needed; score more"),
        ([*results(normal(4, 0)), failed(), failed()], r"4 good parts in it \(2 are defective or failed\)"),
        (results([-2.0] * 8), "all its parts have the same score"),
        (
            [*results(normal(5, 0)), *results([-2], model_sha256="d" * 64)],
            "0.ply and 0.ply were scored by different models",
        ),
    ],
    ids=["few", "few good", "all alike", "two models"],
)
def test_what_makes_no_baseline(given, said):
    """One line each."""
    with pytest.raises(InputRejected, match=f"^good.jsonl: {said}"):
        baseline_of(given, "good.jsonl")


def test_further_good_parts_are_no_drift(baseline):
    """And the comparison fits its schema."""
    found = compare(results(normal(40, 1)), "today.jsonl", baseline)
    jsonschema.Draft202012Validator(baseline_schema()).validate(json.loads(json.dumps(found)))
    assert not found["drifted"] and len(found["parts"]) == 40 and found["drift"]["moved"] == []
    assert found["parts"][0]["range"] is None and found["parts"][1]["range"] > 0


def test_the_baselines_own_parts_are_no_drift(baseline):
    """Whatever signals their own limits give."""
    assert not compare(results(normal(30, 0)), "good.jsonl", baseline)["drifted"]


def test_one_defective_part_is_a_signal_and_no_drift(baseline):
    """Named with its row, its name and rule 1."""
    values = normal(40, 1)
    values[17] = 4.0
    found = compare(results(values), "today.jsonl", baseline)
    one = next(signal for signal in found["signals"] if signal["rule"] == 1)
    assert (one["first"], one["first_row"], one["last_row"], one["side"]) == ("17.ply", 17, 17, "higher")
    assert not found["drifted"] and "average" not in rules(found)


def test_parts_that_all_score_higher_have_drifted(baseline):
    """By two spreads: the average and runs say it too."""
    found = compare(results(normal(20, 1, mean=-1.0)), "today.jsonl", baseline)
    assert found["drifted"] and [one["quantity"] for one in found["drift"]["moved"]] == ["score"]
    assert {2, "average"} <= rules(found) and found["average"]["out_now"]


def test_a_shift_at_the_end_is_told_by_the_average(baseline):
    """Ten of sixty parts are too few to move the whole batch; one that came and went is a signal, no drift."""
    late, over = normal(60, 1), normal(60, 1)
    late[50:] += 1.2
    over[20:30] += 1.2
    found = compare(results(late), "today.jsonl", baseline)
    assert found["drifted"] and found["average"]["out_now"] and found["drift"]["moved"] == []
    found = compare(results(over), "today.jsonl", baseline)
    assert not found["drifted"] and "average" in rules(found)


def test_a_short_baseline_has_rough_limits():
    """Six parts: an average beyond limits so uncertain is no drift, a shift that the parts themselves show is one."""
    short = baseline_of(results(normal(6, 0)), "good.jsonl")
    late = normal(60, 1)
    late[50:] += 2.5
    found = compare(results(late), "today.jsonl", short)
    assert found["rough"] and not found["average"]["out_now"] and not found["drifted"]
    assert compare(results(normal(40, 1, mean=1.0), threshold=None), "today.jsonl", short)["drifted"]


def test_parts_that_follow_each_other_are_one_signal(baseline):
    """Three in a row beyond three sigmas: rule 1 once, from the first to the last; a fourth later is another."""
    values = np.full(20, -2.0) + 0.01 * (-1.0) ** np.arange(20)
    values[[5, 6, 7, 12]] = 3.0
    told = [signal for signal in compare(results(values), "t", baseline)["signals"] if signal["rule"] == 1]
    assert [(one["first_row"], one["last_row"], one["last"]) for one in told] == [(5, 7, "7.ply"), (12, 12, "12.ply")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_sha256": "d" * 64}, r"scored by line3 \(d{12}\), the baseline good.jsonl by line3 \(c{12}\)"),
        ({"references": {"kind": "good", "parts": ["a.ply"]}}, "judged beside other references"),
        ({"views": "sphere:9"}, "drawn as sphere:9, the baseline good.jsonl as front:2"),
    ],
    ids=["model", "references", "views"],
)
def test_scores_of_another_kind_are_refused(baseline, changes, said):
    """Their charts would show the change of model as one of the parts."""
    with pytest.raises(InputRejected, match=f"^today.jsonl: {said}.*score them alike, or save a new baseline"):
        compare(results(normal(10, 1), **changes), "today.jsonl", baseline)


def test_references_are_told_by_the_names_of_their_files():
    """In whatever folder they lay, in whatever order; parts of a folder that were each other's are of one kind."""
    good = {"kind": "good", "parts": ["good/a.ply", "good/b.ply"]}
    found = baseline_of(results(normal(8, 0), references=good), "good.jsonl")
    moved = results(normal(8, 1), references=good | {"parts": ["/line/b.ply", "/line/a.ply"]})
    assert not compare(moved, "today.jsonl", found)["drifted"]
    among = [one | {"references": {"kind": "among", "parts": [one["input"]]}} for one in results(normal(8, 0))]
    assert baseline_of(among, "good.jsonl").identity["beside"] == {"kind": "among"}


def test_results_without_a_scored_part_are_refused(baseline):
    """There is nothing to draw."""
    with pytest.raises(InputRejected, match=r"today\.jsonl: none of its 2 parts was scored; score them again"):
        compare([failed(), failed()], "today.jsonl", baseline)


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"format": 2}', "cut", "score", "few"])
def test_what_is_no_baseline_is_refused(baseline, tmp_path, damage):
    """One line, whatever is in the file."""
    path = tmp_path / "line3.baseline.json"
    save_baseline(path, baseline)
    told = json.loads(path.read_text())
    texts = {"cut": path.read_text()[:900], "few": json.dumps(told | {"parts": told["parts"][:3]})}
    texts["score"] = json.dumps(told | {"parts": [part | {"score": 7} for part in told["parts"]]})
    path.write_text(texts.get(damage, damage))
    with pytest.raises(InputRejected, match="make it with `align3d baseline save`"):
        load_baseline(path)
