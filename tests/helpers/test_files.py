"""Files are whole or absent, and never overwritten unasked."""

import os
import stat
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.helpers.files import replacing, write_bytes, write_tensors


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


def test_what_killed_processes_left_goes_with_the_next_file(tmp_path):
    """A partial file untouched for an hour is removed; a young one may be growing, and others' files stay."""
    old, young, foreign = (tmp_path / name for name in (f".a.{'0' * 16}.part", f".b.{'1' * 16}.part", ".mine.part"))
    for path in (old, young, foreign):
        path.write_bytes(b"half")
    for path in (old, foreign):
        os.utime(path, (time.time() - 3600,) * 2)
    write_bytes(tmp_path / "page.html", b"x", force=False)
    assert {path.name for path in tmp_path.iterdir()} == {young.name, foreign.name, "page.html"}


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """A folder's name taken by a file gives one line with the path, not a traceback."""
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(EnvironmentMissing, match=r"taken: cannot be made .*; choose another folder"):
        write_bytes(tmp_path / "taken" / "heat.png", b"x", force=False)


def test_a_name_as_long_as_the_file_system_allows_can_be_written(tmp_path):
    """The partial file's name is no longer than the file's own; a longer one than allowed is told in one line."""
    write_bytes(tmp_path / ("n" * 255), b"x", force=False)
    write_bytes(tmp_path / ("é" * 127), b"x", force=False)
    with pytest.raises(UsageError, match="cannot be used"):
        write_bytes(tmp_path / ("n" * 256), b"x", force=False)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_files_obey_the_umask(tmp_path):
    """A model is for whom the user's umask lets read it, as any other file."""
    old = os.umask(0o027)
    try:
        write_bytes(tmp_path / "page.html", b"x", force=False)
        write_tensors(tmp_path / "m.safetensors", {"a": torch.ones(2)}, {})
    finally:
        os.umask(old)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}


def test_a_failure_on_the_way_keeps_the_old_file(tmp_path):
    """What was there stays, nothing is left beside it, and the failure is the caller's own."""
    path = tmp_path / "log"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), replacing(path, force=True, durable=True) as stream:
        stream.write(b"new")
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and [file.name for file in tmp_path.iterdir()] == ["log"]


def test_a_file_system_that_is_read_only_is_told_in_one_line():
    """Neither writing nor clearing up afterwards ends in anything but the sentence."""
    with pytest.raises((EnvironmentMissing, UsageError), match=r"^/proc/align3d: cannot be ") as caught:
        write_bytes(Path("/proc/align3d"), b"x", force=False)
    assert "\n" not in str(caught.value)


def test_tensors_are_read_back_with_their_facts(tmp_path):
    """Shared memory, another layout and a gradient are no obstacle; an older file is replaced."""
    path, one = tmp_path / "new" / "m.safetensors", torch.arange(6.0, requires_grad=True).reshape(2, 3)
    write_tensors(path, {"a": one.T, "b": one}, {"who": "test"})
    write_tensors(path, {"b": one, "a": one.T}, {"who": "me"})
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"who": "me"} and torch.equal(file.get_tensor("a"), one.detach().T)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
