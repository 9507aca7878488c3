"""The page is complete in itself, safe against names, and holds the scan's points."""

import base64
import hashlib
import html
import html.parser
import json
import re

import numpy as np
import pytest

from align3d_cli.report.html import PartPage, TwinPage, html_page
from align3d_cli.report.page_scripts import page_scripts
from align3d_cli.report.points_payload import PagePoints, points_payload
from align3d_cli.report.result import build_failure

from .results import REGION, scored

RNG = np.random.default_rng(0)
POINTS = PagePoints(RNG.normal(size=(300, 3)), RNG.random(300))
POINTS_PAYLOAD = points_payload(POINTS, np.eye(3), limit=100)


def page_of(name: str, score: float, points: PagePoints = POINTS, **changes) -> PartPage:
    result = scored(name, score, **changes)
    payload = points_payload(points, np.eye(3), limit=100, regions=result["regions"])
    return PartPage(result, b"\xff\xd8sheet", "image/jpeg", payload)


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
    assert "default-src 'none'; img-src data:;" in text
    own = text.replace(page_scripts()[0], "")  # the library names the XML name spaces of what it never makes here
    assert "http://" not in own and "https://" not in own


def test_only_the_scripts_of_the_page_may_run():
    """The policy names the SHA-256 of each script as the browser takes it from between the tags."""
    text = html_page("batch", [page_of("a.ply", 0.2)])
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert tuple(scripts) == page_scripts()
    (policy,) = re.findall(r"script-src ([^\"]*)\"", text)
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    assert html.unescape(policy).split() == [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def test_the_library_carries_its_licence_onto_the_page():
    """Whoever gets the page gets the words that its licence asks for."""
    library = page_scripts()[0]
    assert "The MIT License" in library and "three.js authors" in library and "<!--" not in library


def test_names_cannot_become_markup():
    """A file called like a script tag is shown, not run."""
    evil = '<script>alert("x")</script>.ply'
    failure = build_failure(input=evil, kind="input", message=f"{evil}: bad", exit_code=4)
    text = html_page(evil, [page_of(evil, 0.2)], [failure])
    assert "<script>alert" not in text
    assert Reader(text).tags.count("script") == 4  # points, colours, library, viewer


@pytest.mark.parametrize("evil", ['" onload="alert(1)', "</script><b>", "{{ 7 * 7 }}", "&lt;", "$title", "\udce4.ply"])
def test_names_stay_text_wherever_they_stand(evil):
    """In headings, attributes, links and the JSON of a part a name is the name, and the page can be written."""
    text = html_page(evil, [page_of(evil, 0.2), page_of("other.ply", 0.9)])
    text.encode(errors="replace")
    seen = Reader(text)
    named = [label for label in seen.labels if label.startswith("heat map of")]
    assert named == ["heat map of other.ply, drag to turn", f"heat map of {evil}, drag to turn"]
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
    assert re.search(r'id="part-0"[^>]* open>', text)


def test_regions_and_the_rule_that_decided_stand_on_the_page():
    """A row a region with unknown depths in words, why rules rejected the part; without regions a sentence."""
    reason = {"rule": "large", "reject": "area > 0.1", "zone": "<seal>", "region": 1, "values": {"area": 0.5}}
    decision = {"rules": "r.toml", "rules_sha256": None, "decided": [reason], "counted": [1]}
    page = page_of("dented.ply", 0.9, regions=[REGION.as_dict()], decision=decision)
    text = html_page("batch", [page, page_of("fine.ply", 0.2)])
    assert "<td>unknown</td>" in text and "<td>1, 2, 3</td>" in text
    assert "large: region 1 in &lt;seal&gt;: area 0.5 (area &gt; 0.1)" in text
    assert text.count("no region above the middle of the colour scale") == 1
    assert text.count('<button type="button" data-region="1"') == 1


def test_a_page_says_how_many_points_it_shows():
    """Thinned ones and how they were thinned, or that they are all."""
    whole = PartPage(scored("b.ply"), None, "", points_payload(POINTS, np.eye(3), limit=300))
    text = html_page("batch", [page_of("a.ply", 0.2), whole])
    shown = page_of("a.ply", 0.2).points["shown"]
    assert f"{shown} of 300 points, evenly thinned: of each cell the one with the highest score" in text
    assert "all 300 points" in text


def test_colours_are_offered_where_there_is_something_to_show():
    """Regions and deviations where points have them, the part's own colours where the scan has some."""
    plain = html_page("part", [page_of("part.ply", 0.2)])
    assert 'button" data-mode="regions"' not in plain and 'button" data-mode="deviation"' not in plain
    assert ">plain<" in plain
    labels, colours = np.ones(300, np.int32), np.zeros((300, 3), np.uint8)
    rich = PagePoints(POINTS.xyz, POINTS.scores, colours, labels, np.zeros(300))
    text = html_page("part", [page_of("part.ply", 0.2, rich)])
    assert 'button" data-mode="regions"' in text and 'button" data-mode="deviation"' in text and ">part<" in text


def test_a_good_part_is_kept_once_however_many_stand_beside_it():
    """Each part names it with the pose that lays it there."""
    twin = TwinPage("good.ply", points_payload(POINTS, np.eye(3), limit=50), None)
    laid = TwinPage("good.ply", twin.points, np.diag([-1.0, -1.0, 1.0, 1.0]))
    pages = [
        PartPage(scored(name), None, "", POINTS_PAYLOAD, twin=one) for name, one in (("a.ply", twin), ("b.ply", laid))
    ]
    told = Reader(html_page("batch", pages)).jsons
    assert [one["twin"]["key"] for one in told[:2]] == ["twin-0", "twin-0"]
    assert told[0]["twin"]["pose"] is None and told[1]["twin"]["pose"][:6] == [-1, 0, 0, 0, 0, -1]
    assert len(told) == 4  # two parts, the good part, colours
