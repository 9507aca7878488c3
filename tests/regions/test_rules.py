"""Rules decide by the stored numbers of a part, of its regions, and of where these lie."""

import pytest

from align3d_cli.regions.rules import judge
from align3d_cli.regions.rules_file import parse_rules

SEAL = '[[zone]]\nname = "seal"\nlow = [0, 0, 0]\nhigh = [10, 10, 1]\n[[zone.rule]]\nreject = "depth > 0.05"\n'


def region(id: int = 1, low=(20.0, 20.0, 0.0), high=(25.0, 25.0, 0.0), **changes) -> dict:
    numbers = {"id": id, "kind": "concave", "area": 5.0, "depth": 0.1, "height": 0.0, "low": low, "high": high}
    return numbers | {"points": 40, "peak": 0.9} | changes


def judged(text: str, *regions: dict, score: float = 0.5):
    return judge(parse_rules(text.encode(), "r.toml"), score, regions)


DEEP = '[[rule]]\nname = "deep"\nreject = "depth > 0.2 and area > 4"\n'


def test_the_rule_that_decided_is_told_with_its_numbers():
    """Of every region that breaks it; a region that breaks it in part does not."""
    found = judged(DEEP, region(1), region(2, depth=0.3), region(3, depth=0.3, area=4.0), region(4, depth=0.25))
    assert found.verdict == "defective"
    assert [reason.region for reason in found.decided] == [2, 4]
    assert found.decided[0].as_dict() == {
        "rule": "deep",
        "reject": "depth > 0.2 and area > 4",
        "zone": None,
        "region": 2,
        "values": {"depth": 0.3, "area": 5.0},
    }


def test_a_part_without_broken_rules_is_good():
    """With regions and without."""
    assert judged(DEEP, region()).verdict == "good"
    assert judged(DEEP).verdict == "good" and judged(DEEP).decided == ()


def test_a_rule_about_the_part_is_asked_once():
    """The score, and how many regions count."""
    text = '[[rule]]\nreject = "score > 0.4"\n[[rule]]\nreject = "regions > 2"\n'
    found = judged(text, region(1), region(2))
    assert [(reason.rule, reason.region) for reason in found.decided] == [("score > 0.4", None)]
    assert judged(text, score=0.4).verdict == "good"


def test_small_regions_count_for_nothing():
    """What the file ignores neither breaks a rule nor is counted; what is unknown is not ignored."""
    text = 'ignore = ["area < 1", "points < 20"]\n' + DEEP + '[[rule]]\nreject = "regions > 1"\n'
    found = judged(text, region(1, depth=9.0, area=0.9), region(2, depth=9.0, points=19), region(3))
    assert found.verdict == "good" and found.counted == (3,)
    shy = 'ignore = "depth < 0.1"\n[[rule]]\nreject = "area > 1"\n'
    assert judged(shy, region(depth=None)).verdict == "defective"


def test_what_is_unknown_makes_unsure_unless_another_rule_decides():
    """Nobody is called good whose depth nobody knows."""
    assert judged(DEEP, region(depth=None)).verdict == "unsure"
    assert judged(DEEP, region(depth=None, area=1.0)).verdict == "good"
    found = judged(DEEP, region(1, depth=None), region(2, depth=1.0))
    assert found.verdict == "defective" and [reason.region for reason in found.decided] == [2]


@pytest.mark.parametrize(
    ("low", "high", "decided"),
    [
        ((1.0, 1.0, 0.0), (2.0, 2.0, 0.5), [("depth > 0.05", "seal")]),  # within: the zone's limit alone
        ((8.0, 8.0, 0.0), (12.0, 9.0, 0.5), [("deep", None), ("depth > 0.05", "seal")]),  # across: both
        ((10.0, 10.0, 1.0), (12.0, 12.0, 2.0), [("deep", None), ("depth > 0.05", "seal")]),  # faces touch
        ((11.0, 0.0, 0.0), (12.0, 1.0, 0.5), [("deep", None)]),  # outside: the general limit alone
    ],
)
def test_other_limits_hold_in_a_zone(low, high, decided):
    """A region wholly within is the zone's, one that reaches into it is judged by both."""
    found = judged(DEEP + SEAL, region(low=low, high=high, depth=0.3))
    assert [(reason.rule, reason.zone) for reason in found.decided] == decided


def test_a_zone_can_allow_more():
    """An engraving whose box holds a region whole excuses it from the general limit; the score holds everywhere."""
    allowed = DEEP + SEAL.replace("0.05", "1.0") + '[[rule]]\nreject = "score > 0.9"\n'
    inside = region(low=(1.0, 1.0, 0.0), high=(2.0, 2.0, 0.5), depth=0.3)
    assert judged(allowed, inside).verdict == "good"
    assert judged(allowed, inside, score=0.95).verdict == "defective"
