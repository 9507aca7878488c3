"""The run log: what a benchmark found, one JSON line a scan and arm, appended and never changed.

    RUN/run.json      settings of the run and their hash; a run takes no others
    RUN/log.jsonl     lines of type "plan", "scan" and "failure" with checksums, see `scorer`, `runner`
    RUN/points/*.npz  per-point outputs, one file a scan line, which holds its hash, see `outputs`
    RUN/models/       models trained for this run
    RUN/.lock         held by the process that writes here

A line is written after its points and forced to disk, so whatever a killed run left is true. A last line that was cut
short, and whatever else a full disk left unfinished, is dropped when the run goes on.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from align3d_cli import __version__
from align3d_cli.errors import EnvironmentMissing, InputRejected, UsageError
from align3d_cli.evaluation.log_lines import read_lines
from align3d_cli.helpers.digest import digest_of_settings, sha256_of
from align3d_cli.helpers.files import make_folder, write_bytes, write_json
from align3d_cli.helpers.identity import differences, plain
from align3d_cli.helpers.sealed_lines import sealed

FORMAT = 2  # of run.json and of the lines
LOG, RUN, LOCK = "log.jsonl", "run.json", ".lock"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as its folder tells it.

    settings: of run.json;  version: of the program that made it
    plan:     the newest line of type "plan", {} before there is one
    scans:    the newest line of every (arm, sample), in the order of arm, category and sample
    failures: newest failure line of every sample that has no scan line written later
    """

    folder: Path
    settings: dict[str, Any]
    version: str
    plan: dict[str, Any]
    scans: list[dict[str, Any]]
    failures: list[dict[str, Any]]


class RunLog:
    """The log of a run that is open for writing, by this process alone; a context manager."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Begin a run or go on with it.

        Raises UsageError when the folder holds a run with other settings or of another version, or is in use;
        InputRejected for a damaged run, EnvironmentMissing when nothing can be written there.
        """
        self.folder = Path(folder)
        self.settings = plain(settings)
        make_folder(self.folder / "points")
        self._lock = _locked(self.folder)
        try:
            self._claim()
            self._file = open(self.folder / LOG, "ab", buffering=0)  # noqa: SIM115 - held open while the run lasts
            self._drop_unfinished()
        except OSError as error:
            self._lock.release()
            raise _unwritable(self.folder / LOG, error) from error
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._lock.release()

    def keys(self) -> dict[str, frozenset[str]]:
        """Keys of the lines of each scan, by its name, as far as their points are there and whole."""
        keys: dict[str, set[str]] = {}
        for line in read_lines(self.folder / LOG):
            if line["type"] == "scan" and _is_file_of(self.folder / line["points"], line["points_sha256"]):
                keys.setdefault(line["sample"], set()).add(line["key"])
        return {name: frozenset(found) for name, found in keys.items()}

    def append_scan(self, line: dict[str, Any], points: bytes) -> None:
        """Write the points of a scan, then its line."""
        write_bytes(self.folder / line["points"], points, force=True, durable=True)
        self.append(line)

    def append(self, line: dict[str, Any]) -> None:
        """Add one line, whole or not at all, and force it to disk. NaN is a ValueError.

        Raises EnvironmentMissing when it cannot be written.
        """
        data, start = sealed(line), self._file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):  # else the half line is dropped when the run goes on
                self._file.truncate(start)
            raise _unwritable(self.folder / LOG, error) from error

    def _claim(self) -> None:
        path = self.folder / RUN
        mine = {"format": FORMAT, "version": __version__, "settings": self.settings}
        if not path.exists():
            if read_lines(self.folder / LOG):
                raise InputRejected(f"{path}: is gone, so nobody knows what {LOG} answers; name another --run")
            write_json(path, mine | {"hash": digest_of_settings(mine)}, durable=True)
            return
        theirs = _read_run(path)
        there = {"version": theirs["version"], **theirs["settings"]}
        if changed := "; ".join(differences(there, {"version": __version__, **self.settings})):
            raise UsageError(f"{self.folder}: holds a run with other settings ({changed}); name another --run")

    def _drop_unfinished(self) -> None:
        """Cut the log after its last line break, and remove files that were never moved to their place."""
        data = (self.folder / LOG).read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            self._file.truncate(whole)
        for left_over in self.folder.rglob(".*.part"):
            left_over.unlink()


def _locked(folder: Path) -> BaseFileLock:
    """The lock of a run, held. Raises UsageError when another process holds it, EnvironmentMissing."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        busy = f"{folder}: another benchmark is writing here; wait for it or name another --run"
        raise UsageError(busy) from error
    except OSError as error:
        raise _unwritable(folder / LOCK, error) from error
    return lock


def _unwritable(path: Path, error: OSError) -> EnvironmentMissing:
    finding = f"cannot be written ({error.strerror or error})"
    return EnvironmentMissing(f"{path}: {finding}; free space there and run the same command again")


def _is_file_of(path: Path, sha256: str) -> bool:
    """Whether a file is there and is the one of this hash."""
    try:
        return sha256_of(path) == sha256
    except OSError:
        return False


def read_run(folder: Path) -> RunRecord:
    """Everything known about a run; may be read while the run goes on. Raises InputRejected for anything but a run,
    and for damage to it."""
    folder = Path(folder)
    if not (folder / RUN).is_file():
        raise InputRejected(f"{folder}: no {RUN}; give the folder that `align3d benchmark --run` wrote")
    claim = _read_run(folder / RUN)
    plan: dict[str, Any] = {}
    scans: dict[tuple[str, str], dict[str, Any]] = {}
    failures: dict[str, dict[str, Any]] = {}
    for line in read_lines(folder / LOG):
        if line["type"] == "plan":
            plan = line
        elif line["type"] == "failure":
            failures[line["sample"]] = line
        elif line["type"] == "scan":
            scans[line["arm"]["name"], line["sample"]] = line
            failures.pop(line["sample"], None)
    if not plan and (scans or failures):
        raise InputRejected(f"{folder / LOG}: its line of type plan is gone; run the benchmark again on this run")
    ordered = sorted(scans.values(), key=lambda s: (s["arm"]["name"], s["category"], s["sample"]))
    failed = [failures[name] for name in sorted(failures)]
    return RunRecord(folder, claim["settings"], claim["version"], plan, ordered, failed)


def _read_run(path: Path) -> dict[str, Any]:
    try:
        claim = json.loads(path.read_bytes())
        if claim.pop("hash") == digest_of_settings(claim) and claim["format"] == FORMAT:
            return claim
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        pass  # told below: whatever it is, it is not what `_claim` wrote
    raise InputRejected(f"{path}: not the settings of a run this version can read; name another --run")
