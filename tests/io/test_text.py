"""Text in any encoding, and the numbers in it."""

import numpy as np
import pytest

from align3d_cli.io.text import NotANumber, parse_numbers, plain_text

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


def test_not_a_number_and_infinity_in_every_spelling():
    """What C libraries print for what is no number is read as such, Microsoft's older ones too."""
    text = b"nan -nan NaN nan(ind) 1.#QNAN -1.#IND 1.#QNAN0 1.#R 1.#SNAN inf 1.#INF -1.#INF00 1.#J 1.5\n2\n"
    numbers = parse_numbers(text)
    assert np.isnan(numbers[:9]).all()
    np.testing.assert_array_equal(numbers[9:], [np.inf, np.inf, -np.inf, np.inf, 1.5, 2])


@pytest.mark.parametrize("word", ["OVER", "1.2.3", "12mm", "1e", "1-2", "0x1F", "1_000", "1,5", "5\x00", "ü"])
@pytest.mark.parametrize("row", [0, 3, 9])
def test_the_first_word_that_is_no_number_is_named(word, row):
    """The error carries the line, counted from 0, and the word as it can be shown."""
    lines = ["1 2 3"] * 10
    lines[row] = f"4 {word} 6"
    lines[9] += " again"
    with pytest.raises(NotANumber) as caught:
        parse_numbers("\n".join(lines).encode())
    assert caught.value.row == row and caught.value.word == word.replace("\0", "\ufffd")
    assert str(caught.value) == f"line {row + 1}: '{caught.value.word}' is not a number"


def test_a_bad_word_far_down_is_found():
    """The line of a bad word is right behind hundreds of thousands of good ones."""
    text = b"1.5 2.5 3.5\n" * 300_000 + b"1 2 x\n"
    with pytest.raises(NotANumber, match="line 300001: 'x'"):
        parse_numbers(text)


@pytest.mark.parametrize("word", ["1.5D+02", "+1.5d2", "150.D0"])
def test_exponents_of_fortran(word):
    """D stands for e; a D elsewhere makes no number."""
    assert parse_numbers(f"1 {word} 2".encode()).tolist() == [1, 150, 2]
    with pytest.raises(NotANumber, match="'D5' is not a number"):
        parse_numbers(b"1 D5")
