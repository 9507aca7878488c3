"""Regions and verdicts of a scored scan: the same numbers in Python, JSON and PLY, to the last bit."""

import json
import math

import jsonschema
import numpy as np
import pytest

import align3d_cli as align3d
from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.inspector import Inspection
from align3d_cli.regions.rules_file import parse_rules
from align3d_cli.report.result import result_schema
from align3d_cli.running.scored import ModelFacts, ScoredScan

from ..regions.shapes import part

LIMITS = Calibration(threshold=0.6, colour_low=0.2, colour_high=0.8)


def scored(unit: str | None = "mm", **changes) -> ScoredScan:
    """A dented plate as a model that sees everything would score it, with 40 points of background beside it."""
    given = part("plate", "dent", noise=0.02)
    rng = np.random.default_rng(0)
    xyz = np.concatenate([given.xyz, rng.random((40, 3)) + np.array([0.0, 0.0, 60.0])])
    scores = np.where(given.label, rng.uniform(0.6, 0.9, len(given.label)), 0.05)
    scores = np.concatenate([scores, np.zeros(40)]).astype(np.float32)
    inspection = Inspection(
        score=0.7123456789, raw_score=0.1, point_scores=scores, n_points=len(xyz), n_invalid=0, n_unseen=0,
        n_removed=40, views="front:1", preparation={"spacing": 1.0, "extent": [100.0, 100.0, 1.5]},
        rows=np.arange(len(given.xyz)), **changes,
    )  # fmt: skip
    return ScoredScan("plate.ply", PointCloud(xyz, unit=unit, sha256="a" * 64), inspection, FACTS, 0.6)


FACTS = ModelFacts("perfect", None, LIMITS, "cpu")


def rules(reject: str, before: str = "") -> align3d.Rules:
    return parse_rules(f'{before}\n[[rule]]\nreject = "{reject}"\n'.encode(), "line3.toml")


def written(found: ScoredScan, path) -> np.ndarray:
    """The rows of the heat map."""
    header, body = found.save(path).read_bytes().split(b"end_header\n")
    kinds = {b"float": "<f4", b"double": "<f8", b"uchar": "u1"}
    lines = [line.split() for line in header.splitlines() if line.startswith(b"property")]
    return np.frombuffer(body, [(name.decode(), kinds[kind]) for _, kind, name in lines])


def test_a_scored_scan_knows_its_regions():
    """The dent, with its size; background is no part of the share; found once; the JSON fits the schema."""
    found = scored()
    (region,) = found.regions
    assert found.regions is found.regions
    assert region.share == pytest.approx(region.points / (found.inspection.n_points - 40), rel=1e-5)
    assert region.area == pytest.approx(np.pi * 81, rel=0.1)
    assert max(region.depth, region.height) == pytest.approx(1.5, rel=0.1)
    assert np.bincount(found.region_of_point).tolist() == [found.inspection.n_points - region.points, region.points]
    assert found.resolution.spacing == pytest.approx(1.0, rel=0.1) and found.resolution.pixel is None
    result = json.loads(json.dumps(found.result()))
    jsonschema.validate(result, result_schema())
    assert result["regions"] == [region.as_dict()] and result["decision"] is None
    assert result["seconds"]["total"] == pytest.approx(result["seconds"]["regions"], abs=0.002)


@pytest.mark.parametrize("sign", [">", ">="])
def test_one_ulp_decides_alike_in_json_and_ply(tmp_path, sign):
    """A limit at the stored peak, one float below and one above: the verdict from Python, from the JSON text and from
    the heat map's own points is the same."""
    found = scored()
    rows = written(found, tmp_path / "heat.ply")
    in_ply = float(rows["scalar_anomaly"][rows["scalar_region"] == 1].max())
    in_json = json.loads(json.dumps(found.result()))["regions"][0]["peak"]
    assert in_ply == in_json == found.regions[0].peak
    for limit in (math.nextafter(in_ply, 0), in_ply, math.nextafter(in_ply, 1)):
        judged = found.judge(rules(f"peak {sign} {limit!r}"))
        broken = in_ply > limit if sign == ">" else in_ply >= limit
        assert judged.verdict == judged.result()["verdict"] == ("defective" if broken else "good")


@pytest.mark.parametrize("name", ["score", "depth", "height", "area", "length", "width", "mean", "share"])
def test_the_stored_number_is_the_one_that_is_compared(name):
    """Whoever reads the JSON decides as the rules did, one float on each side of the limit."""
    found = scored()
    result = json.loads(json.dumps(found.result()))
    value = (result if name == "score" else result["regions"][0])[name]
    for limit, verdict in [
        (math.nextafter(value, -math.inf), "defective"),
        (value, "good"),
        (math.nextafter(value, math.inf), "good"),
    ]:
        assert found.judge(rules(f"{name} > {limit!r}")).verdict == verdict


def test_rules_decide_instead_of_the_limit():
    """Above the model's limit and within the rules: good; the decision is in the JSON, with the file's hash."""
    found = scored()
    assert found.verdict == "defective" and found.defective and found.regions
    judged = found.judge(rules("depth > 90 and height > 90"))
    assert judged.verdict == "good" and judged.defective is False and judged.regions is found.regions
    broken = found.judge(rules("area > 100", 'unit = "mm"')).result()
    jsonschema.validate(json.loads(json.dumps(broken)), result_schema())
    assert broken["verdict"] == "defective" and broken["decision"]["decided"][0]["region"] == 1
    assert broken["decision"]["rules"] == "line3.toml" and len(broken["decision"]["rules_sha256"]) == 64


def test_no_good_with_doubts():
    """Rules that nothing breaks do not make a doubtful scan good."""
    found = scored(doubts=("too sparse",))
    assert found.judge(rules("area > 1e9")).verdict == "unsure"
    assert found.judge(rules("area > 1")).verdict == "defective"


def test_rules_of_another_unit_are_refused():
    """A limit in mm says nothing of a scan in m; where the scan states none, the rules' unit is taken for its own."""
    in_mm = rules("area > 1", 'unit = "mm"')
    assert scored(unit=None).judge(in_mm).verdict == "defective"
    with pytest.raises(align3d.InputRejected, match=r"plate\.ply: is in m, and line3\.toml states limits in mm; "):
        scored(unit="m").judge(in_mm)
