"""Files are whole or absent, and never overwritten unasked."""

import pytest

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.helpers.files import write_bytes


def test_a_file_that_exists_is_kept_unless_forced(tmp_path):
    """Overwriting needs the word for it."""
    path = tmp_path / "sheet.png"
    write_bytes(path, b"first", force=False)
    with pytest.raises(UsageError, match=r"sheet\.png: exists .*--force"):
        write_bytes(path, b"second", force=False)
    assert path.read_bytes() == b"first"
    write_bytes(path, b"second", force=True)
    assert path.read_bytes() == b"second"


def test_nothing_is_left_beside_the_file(tmp_path):
    """The partial file is gone, and missing folders are made."""
    write_bytes(tmp_path / "a" / "b" / "page.html", b"x", force=False)
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["page.html"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """A folder's name taken by a file gives one line with the path, not a traceback."""
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(EnvironmentMissing, match=r"taken: cannot be made .*; choose another folder"):
        write_bytes(tmp_path / "taken" / "heat.png", b"x", force=False)
