"""The page of a comparison: charts that hold every part, nothing asked of the network, names that stay names."""

import html.parser
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from align3d_cli.report.baseline_chart import average, individuals, ranges
from align3d_cli.report.baseline_page import baseline_page
from align3d_cli.report.baseline_text import signal_text, summary
from align3d_cli.report.chart_frame import LEFT, RIGHT, TOP, WIDTH
from align3d_cli.running.baseline import baseline_of
from align3d_cli.running.compare import compare
from tests.report.results import failed, scored

FAR, LATE = 12, 30  # rows: of a defective part, and from which on all parts score higher
HOSTILE = '<script>alert("x")</script>&.ply'


def results(logits, name: str) -> list[dict[str, Any]]:
    return [scored(f"{name}{row}.ply", float(expit(value))) for row, value in enumerate(logits)]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Twenty-four good parts; forty of today, one far off and the last ten higher; one failed."""
    rng = np.random.default_rng(5)
    good, now = rng.normal(-1.8, 0.5, 24), rng.normal(-1.8, 0.5, 40)
    now[FAR], now[LATE:] = 3.5, now[LATE:] + 1.3
    today = [*results(now, "now"), failed()]
    today[0]["input"] = HOSTILE
    return compare(today, "today.jsonl", baseline_of(results(good, "good"), "line3.baseline.json"))


class Reader(html.parser.HTMLParser):
    """Collects tags with their attributes, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def count(self, tag: str, kind: str) -> int:
        """How many elements of a tag have this class."""
        return sum(name == tag and attributes.get("class") == kind for name, attributes in self.tags)


def test_every_part_is_in_the_charts(found):
    """Single scores of all, an average of those compared, ranges of all but the first of each; signals are rings."""
    page = Reader(baseline_page("chart", found))
    told = {
        row
        for one in found["signals"]
        if one["rule"] != "average"
        for row in range(one["first_row"], one["last_row"] + 1)
    }
    out = sum(not one["average_low"] <= one["average"] <= one["average_high"] for one in found["parts"])
    assert page.count("circle", "then") == 24 + 23
    assert page.count("circle", "signal") == len(told) + out and FAR in told and out
    assert page.count("circle", "now") == (40 - len(told)) + (40 - out) + 39
    assert [tag for tag, _ in page.tags].count("svg") == 3


def test_the_page_asks_nothing_of_the_network_and_runs_nothing(found):
    """No address, no script, and a policy that forbids both; it follows the dark mode and prints on A4."""
    text = baseline_page("chart", found)
    page = Reader(text)
    assert not [name for _, attributes in page.tags for name in attributes if name in ("src", "href", "action")]
    assert "script" not in {tag for tag, _ in page.tags} and "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text and "@page { size: A4" in text and "url(" not in text


def test_names_stay_names(found):
    """What a file is called cannot become markup, in titles neither."""
    text = baseline_page(HOSTILE, found)
    assert "<script>" not in text and Reader(text).text.count(HOSTILE) >= 3


def test_the_verdict_and_what_limits_it_stand_above_the_charts(found):
    """What moved, what to do, and that a part failed."""
    page = Reader(baseline_page("chart", found))
    assert page.count("div", "verdict drifted") == 1
    assert "the moving average is out of its limits" in page.text and "1 part could not be scored" in page.text
    assert "look at the latest parts and the scanner" in page.text


def test_what_moved_is_told_in_numbers():
    """Counts are whole, with the medians of both sides."""
    rng = np.random.default_rng(0)
    good, now = (results(rng.normal(-2, 0.5, 12), name) for name in ("good", "now"))
    now = [one | {"n_points": 12_650 + row} for row, one in enumerate(now)]
    found = compare(now, "today.jsonl", baseline_of(good, "b"))
    text = Reader(baseline_page("chart", found)).text
    assert "drift: number of points higher" in text and "12,652" in text and "number of points" in text


def test_all_is_drawn_inside_the_frame_in_order(found):
    """Places rise along x, lie between the axes, and a higher score lies higher."""
    for chart in (individuals(found), average(found), ranges(found)):
        assert all(LEFT <= dot.x <= WIDTH - RIGHT and TOP <= dot.y <= chart.height for dot in chart.dots)
        assert all(one.x < other.x for one, other in pairwise(chart.dots))
        names = sorted(level.name_y for level in chart.levels)
        assert all(other - one >= 12 for one, other in pairwise(names))
    dots = individuals(found).dots
    assert min(dots, key=lambda dot: dot.y).title.startswith(f"now{FAR}.ply\nscore 0.9")


def test_the_axis_of_logits_names_scores(found):
    """A tick of 0.5 lies at the logit 0, between 0.3 and 0.7, and no two are nearer than can be read."""
    places = {words: y for y, words in individuals(found).y_ticks}
    assert places["0.3"] > places["0.5"] > places["0.7"]
    assert places["0.5"] == pytest.approx((places["0.3"] + places["0.7"]) / 2, abs=0.2)
    ordered = sorted(places.values())
    assert all(other - one >= 24 for one, other in pairwise(ordered))


@pytest.mark.parametrize("n", [1, 2, 300])
def test_few_and_many_parts_can_be_drawn(n):
    """One part has no range and no line; three hundred have ticks that can be read."""
    rng = np.random.default_rng(0)
    found = compare(results(rng.normal(-2, 0.5, n), "now"), "t", baseline_of(results(rng.normal(-2, 0.5, 6), "g"), "b"))
    text = baseline_page("chart", found)
    assert "nan" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL) and len(text) < 60_000 + 700 * n
    ticks = [x for x, _ in individuals(found).x_ticks]
    assert all(other - one >= 20 for one, other in pairwise(ticks))


def test_what_is_printed_names_part_and_rule(found):
    """The first line counts, each further one is a signal."""
    assert summary(found).startswith("40 parts against 24 of line3.baseline.json (limits 0.0")
    far = next(one for one in found["signals"] if one["first_row"] == FAR)
    assert signal_text(far, found["parts"]) == f"rule 1, beyond three sigmas, higher: now{FAR}.ply (0.971)"
