"""What was known beside a scan, in words."""

import pytest

from align3d_cli.report.reference_text import beside_facts, beside_text

KNOWN = {
    "kind": "good",
    "parts": ["good/1.ply", "good/2.ply", "good/3.ply"],
    "laid_parts": 3,
    "false_alarm_rate": 0.05,
    "alarms": 0,
    "interval": [0.0, 0.7076],
    "spoke": {"zero-shot": 0.04, "descriptors": 0.31, "same place": 0.2, "deviation": 0.45},
    "laid": True,
    "why_apart": None,
    "missing_share": 0.034,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "beside 3 good parts: deviation 45 %, descriptors 31 %, same place 20 %"),
        ({"parts": ["1.ply"], "spoke": {"zero-shot": 1.0}}, "beside 1 good part: zero-shot 100 %"),
        ({"kind": "among", "spoke": {"zero-shot": 0.0}}, "beside 3 parts of this call: nothing stands out"),
        ({"kind": "reference", "parts": ["cad/n.stl"], "spoke": {"deviation": 0.9}}, "beside n.stl: deviation 90 %"),
    ],
)
def test_a_line_says_what_was_known_and_what_spoke(change, words):
    """The channels that decided, the strongest first; those of a few per cent are left out."""
    assert beside_text(KNOWN | change) == words


def test_a_page_says_all_of_it():
    """Names of a few parts, why a scan was not laid onto them, what is missing, and what rate so few parts allow."""
    facts = dict(beside_facts(KNOWN))
    assert facts["judged beside"] == "3 good parts: 1.ply, 2.ply, 3.ply" and facts["laid onto them"] == "yes"
    assert facts["missing"] == "3.4 % of what it should show"
    assert facts["false alarms"] == "0 of 3 good parts above the limit, which allows 0 to 71 %"
    apart = dict(beside_facts(KNOWN | {"laid": False, "why_apart": "it is soft", "missing_share": None}))
    assert apart["laid onto them"] == "no: it is soft" and "missing" not in apart
