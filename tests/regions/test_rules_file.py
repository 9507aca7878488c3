"""Files of rules: what they state, and one line with key and line for what is wrong."""

import hashlib
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from align3d_cli.errors import UsageError
from align3d_cli.regions.rules_file import LARGEST, parse_rules, read_rules

WHOLE = """unit = "mm"
ignore = "area < 0.5"

[[rule]]
name = "deep"
reject = "depth > 0.2 and area > 4"

[[rule]]
reject = "score > 0.8"

[[zone]]
name = "seal"
low = [0, 0, 0]
high = [40, 10.5, 5]

[[zone.rule]]
reject = "depth > 0.05"
"""


def test_a_file_is_read_whole(tmp_path):
    """Every key; a rule without a name is called by its condition; the hash is that of the bytes."""
    path = tmp_path / "line3.toml"
    path.write_text(WHOLE)
    rules = read_rules(path)
    assert (rules.name, rules.unit) == (str(path), "mm")
    assert rules.sha256 == hashlib.sha256(WHOLE.encode()).hexdigest()
    assert [rule.name for rule in rules.rules] == ["deep", "score > 0.8"]
    assert [one.text for one in rules.ignore] == ["area < 0.5"]
    (zone,) = rules.zones
    assert (zone.name, zone.low, zone.high) == ("seal", (0, 0, 0), (40, 10.5, 5))
    assert [rule.reject.text for rule in zone.rules] == ["depth > 0.05"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"mm"', '"furlong"', "line 1: unit: is no unit"),
        ('unit = "mm"', "unit = 1", "line 1: unit: is no unit"),
        ('ignore = "area', 'ignor = "area', "line 2: ignor: is no key here; there are unit, ignore, rule, zone"),
        ("area < 0.5", "score < 0.5", "line 2: ignore: is about regions"),
        ("area < 0.5", "aera < 0.5", "line 2: ignore: there is no aera; use one of kind, area"),
        ('name = "deep"', "name = 7", "line 5: name: is no name"),
        ("depth > 0.2 and", "depth > 0,2 and", "line 6: reject: depth: '0,2' is no number"),
        ('reject = "score', 'accept = "score', "line 9: accept: is no key here; there are name, reject"),
        ('reject = "score > 0.8"', "", "line 8: reject: is missing"),
        ('reject = "score > 0.8"', "reject = 0.8", "line 9: reject: is no condition"),
        ("[0, 0, 0]", "[0, 0]", "line 13: low: gives no corner"),
        ("[0, 0, 0]", "[0, 0, true]", "line 13: low: gives no corner"),
        ("low = [0, 0, 0]", "", "line 11: low: gives no corner"),
        ("[40, 10.5, 5]", "[40, -1, 5]", "line 14: high: lies below low"),
        ("depth > 0.05", "score > 0.05", "line 17: reject: is about the part"),
        ("depth > 0.05", "depth >> 0.05", "line 17: reject: 'depth >> 0.05' is no comparison"),
        ("[[zone.rule]]", "[[zone.rules]]", "line 16: rules: is no key here"),
        ("[[zone]]", "[zone]", "line 11: zone: is no list; write \\[\\[zone\\]\\]"),
        ('ignore = "area < 0.5"', "ignore =", "is no TOML \\(invalid value \\(at line 2, column 9\\)\\)"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_line(old, new, told):
    """One line: file, line, key, finding, next step."""
    assert WHOLE.count(old)
    with pytest.raises(UsageError, match=rf"^line3\.toml: {told}") as caught:
        parse_rules(WHOLE.replace(old, new, 1).encode(), "line3.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "holds no rule"),
        (b'unit = "mm"\n', "holds no rule"),
        (b"rule = 3\n", "line 1: rule: is no list"),
        (b'[rule]\nreject = "depth > 1"\n', "line 1: rule: is no list"),
        (b"\xff\xfe", "is no UTF-8"),
        (b"a = " + b"[" * 5000, "is no TOML|nested too deeply"),
    ],
)
def test_what_is_no_file_of_rules_is_refused(data, told):
    """Nothing in it, another shape, other bytes."""
    with pytest.raises(UsageError, match=told):
        parse_rules(data, "r.toml")


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path):
    """Missing, a folder, or far too large."""
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * (LARGEST + 1))
    for path in (tmp_path / "none.toml", tmp_path, large):
        with pytest.raises(UsageError, match=str(path)):
            read_rules(path)


@given(st.integers(0, len(WHOLE) - 1), st.sampled_from('"[]=,.\n x7'))
def test_a_damaged_file_is_read_or_refused_in_one_line(at, letter):
    """One letter wrong anywhere: rules, or a UsageError, never anything else."""
    try:
        parse_rules((WHOLE[:at] + letter + WHOLE[at + 1 :]).encode(), "r.toml")
    except UsageError as error:
        assert "\n" not in str(error)


def test_the_example_in_the_module_is_a_file_of_rules():
    """What the documentation shows can be typed."""
    from align3d_cli.regions import rules_file

    text = textwrap.dedent((rules_file.__doc__ or "").split("\n\n", 1)[1])
    assert len(parse_rules(text.encode(), "doc").zones) == 1
