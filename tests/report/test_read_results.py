"""Results that `align3d score` wrote are read back; anything else is told in one line."""

import json

import jsonschema
import pytest

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.sealed_lines import sealed
from align3d_cli.report.read_results import RECORD, latest, read_results
from align3d_cli.report.result import result_schema
from align3d_cli.report.result_check import misfit

from .results import REGION, RULED, failed, scored

RESULTS = [scored("a.ply", output="heat/a.ply"), failed(), scored("c.ply", 0.9, regions=[REGION.as_dict()])]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RESULTS),
        json.dumps(RESULTS, indent=2),
        "\n".join(map(json.dumps, RESULTS)),
        "\n\n".join(map(json.dumps, RESULTS)) + "\n",
    ],
)
def test_json_and_jsonl_come_back(tmp_path, text):
    """Results and failures in their order."""
    (tmp_path / "r.json").write_text(text)
    assert read_results(tmp_path / "r.json") == RESULTS


def test_one_result_and_a_record_come_back(tmp_path):
    """A lone object is one result; lines of a record that only announce heat maps hold none."""
    (tmp_path / "one.json").write_text(json.dumps(RESULTS[0], indent=2))
    assert read_results(tmp_path / "one.json") == RESULTS[:1]
    begun, done = {"key": "k", "outputs": ["heat/a.ply"]}, {"key": "k", "outputs": ["heat/a.ply"], "result": RESULTS[0]}
    (tmp_path / "record.jsonl").write_bytes(sealed(begun) + b"\n" + sealed(done))
    assert read_results(tmp_path / "record.jsonl") == RESULTS[:1]


def test_of_a_heat_map_that_was_written_twice_the_later_result_is_the_latest():
    """The file is that of the later one; results without heat maps are all kept."""
    again = scored("a.ply", 0.8, output="heat/a.ply")
    assert latest([RESULTS[0], scored("b.ply"), scored("b.ply"), again]) == [scored("b.ply"), scored("b.ply"), again]


@pytest.mark.parametrize("name", ["", RECORD])
def test_a_record_gives_the_last_result_of_every_heat_map(tmp_path, name):
    """By its folder or its own name, in the order in which they were scored; half a line of a killed call, also with
    whole ones after it, is nothing."""
    first, again, other = (
        scored(part, score, output=f"{part}.out") for part, score in (("a", 0.1), ("a", 0.3), ("b", 0.2))
    )
    begun = {"key": "k", "outputs": ["a.out", "b.out"]}
    lines = [sealed({"key": "k", "outputs": [one["output"]], "result": one}) for one in (first, other, again)]
    (tmp_path / RECORD).write_bytes(sealed(begun) + lines[0] + b'{"key": "k", "res\n' + lines[1] + lines[2] + b'{"key')
    assert read_results(tmp_path / name) == [other, again]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "holds no result; name what"),
        (b"[]", "holds no result; name what"),
        (b"\xff\xfe\x00", "is no text; name what"),
        (b"score,0.5\n", "line 1: is no result; name what"),
        (b"[1]", "result 1: is no result; name what"),
        (json.dumps(RESULTS[0]).encode() + b"\n{", "line 2: is no result; name what"),
        (json.dumps(RESULTS[0] | {"schema_version": 2}).encode(), "result 1: schema_version is not as this version"),
        (json.dumps([RESULTS[0], {"format": 1}]).encode(), "result 2: is no result; name what"),
        (json.dumps(RESULTS[0] | {"score": float("nan")}).encode(), "result 1: score is not as this version"),
        (sealed({"key": "k", "outputs": ["heat/a.ply"]}), "holds no result; name what"),
        (b"[" * 100_000, "line 1: is no result; name what"),
    ],
)  # fmt: skip
def test_what_holds_no_results_is_refused(tmp_path, data, told):
    """By file, line and what to do."""
    (tmp_path / "r.jsonl").write_bytes(data)
    with pytest.raises(InputRejected, match=r"^[^\n]*$") as caught:
        read_results(tmp_path / "r.jsonl")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone.jsonl", "cannot be read"),
        (".", r"holds no record of results \(align3d-results.jsonl\)"),
        (300 * "n", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, told):
    """A file with the system's own word for it, a folder that nothing was scored into."""
    with pytest.raises(InputRejected, match=told):
        read_results(tmp_path / name)


def changed(value, path, new):
    """A copy of JSON with one entry replaced, or taken out where `new` is `...`."""
    key, *rest = path
    copy = value.copy()
    if rest:
        copy[key] = changed(copy[key], rest, new)
    elif new is ...:
        del copy[key]
    else:
        copy[key] = new
    return copy


WHOLE = scored("c.ply", 0.9, regions=[REGION.as_dict()], decision=RULED, judged="defective")


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (["score"], "high"), (["score"], 1.5), (["score"], True), (["score"], ...), (["mood"], "fine"),
        (["threshold"], None), (["threshold"], "none"), (["verdict"], "bad"), (["regions", 0, "area"], None),
        (["regions", 0, "depth"], None), (["regions", 0, "centre"], [1.0, 2.0]), (["regions", 0, "kind"], ...),
        (["extent"], {}), (["colours"], [0.1]), (["seconds"], {"read": -1}), (["decision", "decided"], 3),
        (["resolution"], None), (["notes"], [1]), (["references"], {}), (["unit"], None), (["seed"], 0.5),
    ],
)  # fmt: skip
def test_a_result_fits_when_a_validator_of_json_schema_says_so(path, new):
    """Our own check of the few words that the schema uses agrees with jsonschema's."""
    value = changed(WHOLE, path, new)
    assert (misfit(value) is None) == jsonschema.Draft202012Validator(result_schema()).is_valid(value)


def test_a_misfit_is_named_by_its_place():
    """So that somebody can look there."""
    assert misfit(WHOLE) is None and misfit(failed()) is None
    assert misfit(changed(WHOLE, ["regions", 0, "area"], "large")) == "regions.0.area"
