"""Conditions: what can be written, what it means, and what is refused."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from align3d_cli.regions.conditions import ConditionError, parse_condition

FACTS = {"depth": 0.3, "area": 5.0, "height": None, "kind": "concave", "score": 0.7, "regions": 2, "points": 40}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("depth > 0.2 and area > 4", True),
        ("depth>0.3", False),
        ("depth >= 3e-1", True),
        ("area < 5", False),
        ("area <= 5", True),
        ("kind == concave and score > 0.5", True),
        ("kind != 'concave'", False),
        ('kind == "missing"', False),
        ("height > 1", None),
        ("height > 1 and depth > 0.2", None),
        ("height > 1 and depth > 9", False),
        ("regions > 1 and points > 39", True),
    ],
)
def test_a_condition_means_what_it_says(text, answer):
    """All comparisons must hold; what is unknown leaves it open unless another decides."""
    assert parse_condition(text).holds(FACTS) is answer


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "no comparison"),
        ("depth", "no comparison"),
        ("depth > 0.2 or area > 4", "no comparison"),
        ("depht > 0.2", "there is no depht"),
        ("depth > 0.2 mm", "no comparison"),
        ("depth > 0.2mm", "no number"),
        ("depth > nan", "no number"),
        ("depth > inf", "no number"),
        ("depth == 0.2", "hardly ever equal"),
        ("kind == dent", "compare kinds"),
        ("kind > concave", "compare kinds"),
        ("kind == unknown", "compare kinds"),
        ("__import__('os').system('true')", "no comparison"),
        ("depth > " + "9" * 600, "longer than"),
    ],
)
def test_what_cannot_be_read_is_refused(text, finding):
    """With what is wrong about it, in words."""
    with pytest.raises(ConditionError, match=finding) as caught:
        parse_condition(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=80))
def test_any_text_is_a_condition_or_refused(text):
    """Nothing else happens, whatever stands there."""
    with suppress(ConditionError):
        assert parse_condition(text).comparisons


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_exactly(value):
    """Above the number itself nothing is, above the one below it the number is: no rounding on the way."""
    assert parse_condition(f"depth > {value!r}").holds({"depth": value}) is False
    below = math.nextafter(value, -math.inf)
    if math.isfinite(below):
        assert parse_condition(f"depth > {below!r}").holds({"depth": value}) is True
