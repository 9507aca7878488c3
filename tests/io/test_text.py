"""Text in any encoding, and the numbers in it."""

import numpy as np
import pytest

from align3d_cli.io.text import plain_text

TEXT = "# Größe 20 µm, 部品\nx y z\n1 2 3\n-4.5 5e3 nan\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_of_any_unicode_encoding_becomes_utf_8(encoding):
    """With a byte order mark or without one, the same text comes out as UTF-8."""
    assert plain_text(TEXT.encode(encoding)) == TEXT.encode()


def test_marks_of_big_endian_files_are_known():
    """A file that begins with FE FF is UTF-16, most significant byte first."""
    assert plain_text(b"\xfe\xff" + TEXT.encode("utf-16-be")) == TEXT.encode()


def test_bytes_that_are_no_utf_8_are_latin_1():
    """A comment from an old Windows program costs nothing but its exact letters."""
    assert plain_text("# Größe\n1 2 3\n".encode("latin-1")) == "# Größe\n1 2 3\n".encode()


@pytest.mark.parametrize("data", [b"", b"1", b"1 2 3\n", b"\n\n", np.arange(9, dtype="<f4").tobytes(), b"a\0\xff\xfe"])
def test_plain_and_binary_bytes_stay_as_they_are(data):
    """ASCII is returned untouched, and so are bytes that are no text."""
    assert plain_text(data) == data


def test_a_cut_utf_16_file_loses_its_last_letter_only():
    """Half a letter at the end is no reason to lose the text before it."""
    assert plain_text("1 2 3\n".encode("utf-16")[:-1]).startswith(b"1 2 3")
