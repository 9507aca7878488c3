"""Whatever happens to a file on its way: it is read, or refused in one line."""

import fuzz_readers
import pytest


@pytest.mark.parametrize("kind", fuzz_readers.SOUND)
def test_sound_files_are_read(tmp_path, kind):
    """What is spoilt below reads as it is, and its heat map too."""
    path = tmp_path / f"sound.{kind}"
    for data in fuzz_readers.SOUND[kind]():
        path.write_bytes(data)
        assert fuzz_readers.outcome(path) == "read"


@pytest.mark.parametrize("kind", fuzz_readers.SOUND)
def test_damage_is_read_or_refused(tmp_path, kind):
    """Spoilt copies give a cloud whose heat map reads again, or InputRejected of one line, and nothing else."""
    found, fault, _ = fuzz_readers.fuzz(kind, 400 if kind in ("ply", "pcd", "tiff") else 40, 3, tmp_path)
    assert fault is None, fault
    assert found["refused"] > 5
