"""The page is complete in itself, safe against names, and holds the scan's points."""

import base64
import html.parser
import json

import numpy as np
import pytest

from align3d_cli.report.html import PartPage, html_page
from align3d_cli.report.points_payload import UNSEEN_BYTE, points_payload, thin
from align3d_cli.report.result import build_failure, build_result


def page_of(name: str, score: float) -> PartPage:
    rng = np.random.default_rng(0)
    result = build_result(
        score=score, threshold=0.5, seconds={"total": 1.0}, input=name, input_sha256="a" * 64, output=None,
        n_points=300, n_invalid=0, n_unseen=0, n_removed=0, unit=None,
        extent=[1.0, 1.0, 1.0],
        resolution={"spacing": 0.1, "pixel": 0.2, "smallest": 0.6},
        regions=[],
        references=None,
        decision=None,
        notes=[],
        doubts=[], model="align3d-lite", model_sha256=None,
        views="sphere:9", device="cpu", seed=0,
    )  # fmt: skip
    payload = points_payload(rng.normal(size=(300, 3)), rng.random(300), 0.0, 1.0, np.eye(3), limit=100)
    return PartPage(result, b"\xff\xd8sheet", "image/jpeg", payload, 0.0, 1.0)


class Reader(html.parser.HTMLParser):
    """Collects what a browser would load, the ids in order, and the tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses, self.tags, self.jsons, self.taking = [], [], [], False
        self.attributes, self.labels, self.titles = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.attributes += values
        self.labels += [values["aria-label"]] if "aria-label" in values else []
        self.addresses += [values[name] for name in ("src", "href", "action", "poster") if name in values]
        self.taking = values.get("type") == "application/json"

    def handle_data(self, data):
        if self.tags[-1:] == ["title"] and data.strip():
            self.titles.append(data)
        if self.taking:
            self.jsons.append(json.loads(data))
            self.taking = False


def test_the_page_asks_nothing_of_the_network():
    """Every address is inside the page, and the content policy forbids all others."""
    text = html_page("batch", [page_of("a.ply", 0.2), page_of("b.ply", 0.9)])
    assert all(address.startswith(("data:", "#")) for address in Reader(text).addresses)
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text


def test_names_cannot_become_markup():
    """A file called like a script tag is shown, not run."""
    evil = '<script>alert("x")</script>.ply'
    failure = build_failure(input=evil, kind="input", message=f"{evil}: bad", exit_code=4)
    text = html_page(evil, [page_of(evil, 0.2)], [failure])
    assert "<script>alert" not in text
    assert Reader(text).tags.count("script") == 3  # palette, viewer, points


@pytest.mark.parametrize("evil", ['" onload="alert(1)', "</script><b>", "{{ 7 * 7 }}", "&lt;", "$title", "\udce4.ply"])
def test_names_stay_text_wherever_they_stand(evil):
    """In headings, attributes, links and the JSON of a part a name is the name, and the page can be written."""
    text = html_page(evil, [page_of(evil, 0.2), page_of("other.ply", 0.9)])
    text.encode(errors="replace")
    seen = Reader(text)
    assert seen.labels == ["heat map of other.ply, drag to turn", f"heat map of {evil}, drag to turn"]
    assert seen.titles == [evil]
    assert not any("onload" in name for name in seen.attributes)


def test_every_verdict_is_counted():
    """A part that is unsure, or that nobody gave a limit for, is not counted as good."""
    pages = [page_of(f"{verdict}.ply", 0.2) for verdict in ("good", "unsure", "uncalibrated", "unsure")]
    for page, verdict in zip(pages, ("good", "unsure", "uncalibrated", "unsure"), strict=True):
        page.result["verdict"] = verdict
    assert "4 scored · 1 good · 0 defective · 2 unsure · 1 uncalibrated" in html_page("batch", pages)


def test_the_worst_part_comes_first_and_failures_before_it():
    """Who opens the page sees what needs attention."""
    failure = build_failure(input="broken.ply", kind="input", message="broken.ply: empty", exit_code=4)
    text = html_page("batch", [page_of("fine.ply", 0.2), page_of("dented.ply", 0.9)], [failure])
    body = text[text.index("<tbody>") :]
    assert body.index("broken.ply") < body.index("dented.ply") < body.index("fine.ply")
    assert "1 could not be scored" in text


def test_a_lone_part_is_shown_open_without_a_table():
    """One part needs no overview."""
    text = html_page("part", [page_of("part.ply", 0.2)])
    assert "<tbody>" not in text
    assert 'id="part-0" open' in text


def test_points_come_back_within_the_quantisation():
    """Positions survive the 16 bits to 1/65535 of the extent, scores the 8 bits to 1/254 of the limits."""
    rng = np.random.default_rng(1)
    xyz, scores = rng.normal(size=(500, 3)) * [5.0, 1.0, 0.2], rng.random(500)
    payload = points_payload(xyz, scores, 0.0, 1.0, np.eye(3), limit=500)
    places = np.frombuffer(base64.b64decode(payload["xyz"]), "<u2").reshape(-1, 3)
    step = np.ptp(xyz, axis=0).max() / 65535
    np.testing.assert_allclose(places * step + xyz.min(axis=0), xyz, atol=step)
    levels = np.frombuffer(base64.b64decode(payload["score"]), np.uint8)
    np.testing.assert_allclose(levels / 254, scores, atol=0.5 / 254 + 1e-9)


def test_unseen_and_invalid_points():
    """A point without a score is marked as unseen, a row without a measurement is left out."""
    xyz = np.random.default_rng(2).normal(size=(60, 3))
    xyz[3] = np.nan
    scores = np.full(60, 0.5)
    scores[:10] = np.nan
    levels = np.frombuffer(
        base64.b64decode(points_payload(xyz, scores, 0.0, 1.0, np.eye(3), limit=60)["score"]), np.uint8
    )
    assert len(levels) == 59
    assert (levels == UNSEEN_BYTE).sum() == 9


@pytest.mark.parametrize("n", [2_000, 50_000])
def test_thinning_keeps_a_single_defect_point(n):
    """Out of many points at most the limit stays, spread over the part, and the one defective point is among them."""
    xyz = np.random.default_rng(3).random((n, 3)) * [1.0, 1.0, 0.0]
    scores = np.zeros(n)
    scores[n // 3] = 1.0
    rows = thin(xyz, scores, 1000)
    assert 500 < len(rows) <= 1000
    assert n // 3 in rows
    quarters = np.unique((xyz[rows, :2] > 0.5) @ [1, 2], return_counts=True)[1]
    assert quarters.min() > 0.2 * len(rows)


def test_regions_and_the_rule_that_decided_stand_on_the_page():
    """A row a region with unknown depths in words, why rules rejected the part; without regions a sentence."""
    page = page_of("dented.ply", 0.9)
    sizes = dict.fromkeys(("area", "area_missing", "length", "width", "share", "mean"), 0.5)
    places = {key: [1.0, 2.0, 3.0] for key in ("centre", "low", "high")}
    region = {"id": 1, "kind": "unknown", "points": 40, "depth": None, "height": None, "roughness": None, "peak": 0.9}
    reason = {"rule": "large", "reject": "area > 0.1", "zone": "<seal>", "region": 1, "values": {"area": 0.5}}
    page.result["regions"] = [region | sizes | places]
    page.result["decision"] = {"rules": "r.toml", "rules_sha256": None, "decided": [reason], "counted": [1]}
    text = html_page("batch", [page, page_of("fine.ply", 0.2)])
    assert "<td>unknown</td>" in text and "<td>1, 2, 3</td>" in text
    assert "large: region 1 in &lt;seal&gt;: area 0.5 (area &gt; 0.1)" in text
    assert text.count("no region above the middle of the colour scale") == 1
