"""A sealed line comes back as it was written, or not at all."""

import json

import pytest

from align3d_cli.helpers.sealed_lines import sealed, unsealed

LINE = {"type": "scan", "score": 0.25, "points": (1, 2), "name": "caf\u00e9 \udcff", "none": None}


def test_a_line_comes_back_as_json_has_it():
    """Tuples are lists, names that are no text survive, and the checksum is gone again."""
    text = sealed(LINE)
    assert text.count(b"\n") == 1 and text.endswith(b"\n")
    assert unsealed(text) == LINE | {"points": [1, 2]}


def test_a_line_is_one_line_whatever_stands_in_it():
    """A line break in a value is escaped: lines are what damage is told by."""
    assert unsealed(sealed({"message": "one\ntwo\u2028three"})) == {"message": "one\ntwo\u2028three"}
    assert len(sealed({"message": "one\ntwo\u2028three"}).splitlines()) == 1


def test_no_byte_changes_unnoticed():
    """Every byte of a line exchanged, lost or doubled: refused in words, or still the same line to the letter."""
    text = sealed({"score": 0.25, "sample": "a"})
    for at in range(len(text) - 1):
        for damaged in (text[:at] + b"7" + text[at + 1 :], text[:at] + text[at + 1 :], text[: at + 1] + text[at:]):
            try:
                found = unsealed(damaged)
            except ValueError as error:
                assert str(error) in ("is no JSON", "carries no checksum", "does not fit its checksum")
            else:
                assert found == {"score": 0.25, "sample": "a"}


@pytest.mark.parametrize("text", [b"", b"[1]", b"17", b"null", b"\xff", b"[" * 100_000, b'{"a": 1}'])
def test_what_is_no_sealed_line_is_refused(text):
    """Other JSON, none at all, or one that is nested without end."""
    with pytest.raises(ValueError, match=r"is no JSON|carries no checksum"):
        unsealed(text)


def test_what_cannot_be_kept_is_a_bug():
    """NaN, and an entry that the checksum would replace."""
    with pytest.raises(ValueError, match="JSON compliant"):
        sealed({"score": float("nan")})
    with pytest.raises(ValueError, match="may not be called sha256"):
        sealed(json.loads('{"sha256": "mine"}'))
