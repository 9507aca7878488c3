"""Words of libraries, cut down to a line."""

from align3d_cli.helpers.words import MOST, first_line


def test_the_first_line_of_an_error():
    """Without what follows, never empty and never long."""
    assert first_line(ValueError("\n bad shape\n at layer 3")) == "bad shape"
    assert first_line(KeyError()) == "KeyError"
    assert first_line(ValueError("x" * 1000)) == "x" * MOST
