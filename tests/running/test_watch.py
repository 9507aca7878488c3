"""Scans that arrive are given once they are whole, and once."""

import threading
import time
from itertools import islice

from align3d_cli.running.watch import arrivals

QUICK = {"still_s": 0.2, "poll_s": 0.02}


def test_what_is_there_and_what_comes(tmp_path):
    """In the order in which files become whole; empty files, others than scans and the outputs' folder are left out."""
    (tmp_path / "a.ply").write_bytes(b"ply")
    (tmp_path / "empty.ply").write_bytes(b"")
    (tmp_path / "notes.md").write_bytes(b"no scan")
    (tmp_path / "heat").mkdir()
    (tmp_path / "heat" / "a.ply").write_bytes(b"ply")
    coming = arrivals([str(tmp_path)], avoid=tmp_path / "heat", **QUICK)
    assert next(coming).name == str(tmp_path / "a.ply")
    (tmp_path / "b.ply").write_bytes(b"ply")
    assert next(coming).name == str(tmp_path / "b.ply")
    (tmp_path / "a.ply").write_bytes(b"another")
    (tmp_path / "empty.ply").write_bytes(b"full")
    assert {part.place.name for part in islice(coming, 2)} == {"a.ply", "empty.ply"}


def test_a_file_that_grows_is_given_when_it_stands_still(tmp_path):
    """Never a half: all of it is there when it is given, although each piece alone would have been a file."""

    def copy() -> None:
        with (tmp_path / "slow.ply").open("wb") as stream:
            for _ in range(10):
                stream.write(b"piece")
                stream.flush()
                time.sleep(0.05)

    writer = threading.Thread(target=copy)
    writer.start()
    part = next(arrivals([str(tmp_path)], **QUICK))
    assert (tmp_path / part.place).read_bytes() == b"piece" * 10
    writer.join()
