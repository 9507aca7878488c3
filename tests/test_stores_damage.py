"""Whatever happens to what align3d keeps on disk: it reads as it was written, says that it is less, or is refused."""

import fuzz_stores
import pytest
from stores import KINDS

MUTANTS = 300  # of each kind, some seconds together


@pytest.mark.parametrize("kind", KINDS)
def test_damage_never_gives_another_result(tmp_path, kind):
    """Cut, exchanged, lost, doubled, moved, flipped: the sound result, less and said so, or one line with its code."""
    found, fault, _ = fuzz_stores.fuzz(kind, MUTANTS, 3, tmp_path)
    assert fault is None, fault
    assert found["same"] < MUTANTS / 2, "the damage must matter"
    assert found["refused"] + found["less"] > MUTANTS / 2


def test_another_result_is_a_fault(tmp_path):
    """The harness sees what it looks for: a reader that believes everything, and one that dies of it."""
    write = lambda folder: (folder / "number").write_bytes(b"1234567890" * 9)  # noqa: E731
    believing = fuzz_stores.Kind(write, lambda folder: (folder / "number").read_bytes())
    dying = fuzz_stores.Kind(write, lambda folder: int((folder / "number").read_bytes().decode()) // 10**88)
    for kind, told in ((believing, "another result"), (dying, "Traceback")):
        KINDS["number"] = kind
        found, fault, _ = fuzz_stores.fuzz("number", 40, 0, tmp_path / told.split()[0])
        assert found["fault"] > 0 and told in fault
    del KINDS["number"]
