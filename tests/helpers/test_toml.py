"""What is written as TOML is read back as it was."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from align3d_cli.helpers.toml import toml_of

NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
WORDS = st.text(st.characters(exclude_categories=("Cs",)))  # surrogates are no text
VALUES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | WORDS
ENTRIES = st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=3), min_size=1, max_size=4)


@given(plain=ENTRIES, sections=st.dictionaries(NAMES, ENTRIES, max_size=3))
def test_entries_and_sections_come_back(plain, sections):
    """Words with any sign in them, numbers to the last bit, truths and lists."""
    stated = plain | sections
    assert tomllib.loads(toml_of(stated)) == stated


def test_what_toml_does_not_know_is_left_out():
    """None and empty sections; tuples come back as lists."""
    assert tomllib.loads(toml_of({"a": None, "b": {}, "c": (0.5, 1), "d": {"e": None}})) == {"c": [0.5, 1], "d": {}}
