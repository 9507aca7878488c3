"""Whatever happens to what align3d keeps on disk: it reads as it was written, says that it is less, or is refused."""

import fuzz_stores
import pytest
from stores import KINDS, Kind

MUTANTS = 300  # of each kind, some seconds together
SOUND = b"1234567890" * 9


@pytest.mark.parametrize("kind", KINDS)
def test_damage_never_gives_another_result(tmp_path, kind):
    """Cut, exchanged, lost, doubled, moved, flipped: the sound result, less and said so, or one line with its code."""
    found, fault, _ = fuzz_stores.fuzz(kind, MUTANTS, 3, tmp_path)
    assert fault is None, fault
    assert found["same"] < MUTANTS / 2, "the damage must matter"
    assert found["refused"] + found["less"] > MUTANTS / 2


def test_another_result_is_a_fault(tmp_path, monkeypatch):
    """The harness sees what it looks for: a reader that believes everything, and one that dies of it."""
    found = {}
    for name, read in (("believing", bytes), ("dying", lambda data: data == SOUND or 1 / 0)):
        kind = Kind(lambda at: (at / "file").write_bytes(SOUND), lambda at, read=read: read((at / "file").read_bytes()))
        monkeypatch.setitem(KINDS, name, kind)
        found[name] = fuzz_stores.fuzz(name, 40, 0, tmp_path)
    assert all(outcomes["fault"] > 20 for outcomes, _, _ in found.values())
    assert "another result" in found["believing"][1] and "ZeroDivisionError" in found["dying"][1]
