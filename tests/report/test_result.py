"""The JSON object of a part is what the schema promises."""

import json

import jsonschema
import pytest

from align3d_cli.report.result import FIELDS, build_failure, build_result, extent_text, result_schema

KNOWN = {
    "input": "part.ply",
    "input_sha256": "a" * 64,
    "output": None,
    "n_points": 100,
    "n_invalid": 0,
    "n_unseen": 2,
    "n_removed": 0,
    "unit": "mm",
    "extent": [20.0, 20.0, 4.73],
    "resolution": {"spacing": 0.1, "pixel": None, "smallest": 0.36},
    "regions": [],
    "references": None,
    "decision": None,
    "notes": [],
    "model": "align3d-lite",
    "model_sha256": "b" * 64,
    "views": "sphere:9",
    "device": "cpu",
    "seed": 0,
    "colours": [0.2, 0.8],
}


def result(**changes):
    return build_result(
        **(KNOWN | {"score": 0.7, "threshold": 0.5, "doubts": [], "seconds": {"read": 0.1234567}} | changes)
    )


def test_fields_come_in_the_stated_order_with_the_schema_version_first():
    """Key order is part of the format."""
    expected = (
        "schema_version tool_version input input_sha256 output n_points n_invalid n_unseen n_removed score threshold "
        "verdict decision doubts colours unit extent resolution regions references notes drift model model_sha256 "
        "views device seed seconds"
    )
    assert list(result()) == expected.split()


def test_results_and_failures_fit_the_schema():
    """Both kinds of line validate; a mixture of them does not."""
    validator = jsonschema.Draft202012Validator(result_schema())
    failure = build_failure(input="bad.ply", kind="input", message="bad.ply: empty; export it again", exit_code=4)
    validator.validate(json.loads(json.dumps(result())))
    validator.validate(json.loads(json.dumps(result(output="heat.ply", unit=None))))
    validator.validate(failure)
    assert not validator.is_valid(result() | failure)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("score", 1.5), ("verdict", "bad"), ("input_sha256", "123"), ("n_points", -1), ("seconds", {"read": "fast"})],
)
def test_the_schema_refuses_wrong_values(field, wrong):
    """The schema says more than which names there are."""
    assert not jsonschema.Draft202012Validator(result_schema()).is_valid(result() | {field: wrong})


def test_the_schema_knows_every_field_and_no_other():
    """Schema and builder name the same fields in the same order."""
    schema = result_schema()["$defs"]["result"]
    assert tuple(schema["properties"]) == tuple(schema["required"]) == FIELDS


@pytest.mark.parametrize(("score", "verdict"), [(0.5, "good"), (0.500001, "defective"), (0.1, "good")])
def test_a_part_is_defective_only_above_the_threshold(score, verdict):
    """A score equal to the threshold is still good."""
    assert result(score=score)["verdict"] == verdict


def test_seconds_are_rounded_to_milliseconds():
    """Times carry no false digits."""
    assert result()["seconds"] == {"read": 0.123}


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.1])
def test_scores_outside_the_unit_interval_are_a_bug(score):
    """NaN has no place in JSON and a score above 1 no meaning."""
    with pytest.raises(ValueError, match="score"):
        result(score=score)


def test_missing_and_unknown_fields_are_a_bug():
    """A field nobody filled in is noticed where the object is built."""
    with pytest.raises(ValueError, match="mood"):
        result(mood="fine")
    with pytest.raises(ValueError, match="views"):
        build_result(
            score=0.1, threshold=0.5, doubts=[], seconds={}, **{k: v for k, v in KNOWN.items() if k != "views"}
        )


@pytest.mark.parametrize(
    ("score", "threshold", "doubts", "verdict"),
    [
        (0.7, 0.5, [], "defective"),
        (0.5, 0.5, [], "good"),
        (0.5000004, 0.5, [], "good"),  # stored as 0.5: the verdict is of the number that is shown
        (0.500001, 0.5, [], "defective"),
        (0.3, 0.5, ["too sparse"], "unsure"),
        (0.7, 0.5, ["too sparse"], "defective"),
        (0.99, None, [], "uncalibrated"),
    ],
)
def test_the_verdict_follows_from_score_threshold_and_doubts(score, threshold, doubts, verdict):
    """No plain "good" where the scan leaves doubts, no verdict at all without a limit."""
    found = result(score=score, threshold=threshold, doubts=doubts)
    assert found["verdict"] == verdict
    jsonschema.Draft202012Validator(result_schema()).validate(json.loads(json.dumps(found)))


def test_an_extent_is_told_with_its_unit():
    """A factor of 1000 is seen where lengths are read by people."""
    assert extent_text({"extent": [20.0, 20.0, 4.728], "unit": "mm"}) == "20 x 20 x 4.73 mm"
    assert extent_text({"extent": [0.02, 0.02, 0.0047], "unit": None}) == "0.02 x 0.02 x 0.0047"
