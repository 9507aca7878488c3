"""The run log: what a benchmark found, one JSON line a scan and arm, appended and never changed.

    RUN/run.json      settings of the run and their hash; a run takes no others
    RUN/log.jsonl     lines of type "plan", "scan" and "failure", see `scorer` and `runner`
    RUN/points/*.npz  per-point outputs, one file a scan line, see `outputs`
    RUN/models/       models trained for this run

A line is written after its points and forced to disk, so whatever a killed run left is true. A last line that was cut
short is dropped when the run goes on.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align3d_cli import __version__
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.digest import digest_of_settings
from align3d_cli.helpers.files import make_folder, write_bytes

FORMAT = 1
LOG, RUN = "log.jsonl", "run.json"


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

        Raises UsageError when the folder holds a run with other settings or of another version, or is in use.
        """
        self.folder = Path(folder)
        self.settings = json.loads(json.dumps(settings, sort_keys=True))
        make_folder(self.folder / "points")
        self._file = open(self.folder / LOG, "ab")  # noqa: SIM115 - held open while the run lasts
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            busy = f"{self.folder}: another benchmark is writing here; wait for it or name another --run"
            raise UsageError(busy) from error
        self._claim()
        self._drop_torn_line()
        for left_over in (self.folder / "points").glob(".*.part"):
            left_over.unlink()

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def keys(self) -> dict[str, frozenset[str]]:
        """Keys of the lines of each scan, by its name, as far as their points are there."""
        keys: dict[str, set[str]] = {}
        for line in read_lines(self.folder / LOG):
            if line["type"] == "scan" and (self.folder / line["points"]).is_file():
                keys.setdefault(line["sample"], set()).add(line["key"])
        return {name: frozenset(found) for name, found in keys.items()}

    def append_scan(self, line: dict[str, Any], points: bytes) -> None:
        """Write the points of a scan, then its line."""
        write_bytes(self.folder / line["points"], points, force=True, durable=True)
        self.append(line)

    def append(self, line: dict[str, Any]) -> None:
        """Add one line and force it to disk. NaN is refused: JSON has no word for it."""
        self._file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _claim(self) -> None:
        path = self.folder / RUN
        mine = {"format": FORMAT, "version": __version__, "settings": self.settings}
        mine["hash"] = digest_of_settings(self.settings)
        if not path.exists():
            text = json.dumps(mine, indent=1, sort_keys=True)
            write_bytes(path, f"{text}\n".encode(), force=True, durable=True)
            return
        theirs = _read_run(path)
        there = {"version": theirs["version"], **theirs["settings"]}
        if changed := "; ".join(differences(there, {"version": __version__, **self.settings})):
            raise UsageError(f"{self.folder}: holds a run with other settings ({changed}); name another --run")

    def _drop_torn_line(self) -> None:
        """Cut the file after its last line break: a killed run may have left half a line."""
        data = (self.folder / LOG).read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            os.truncate(self.folder / LOG, whole)


def read_run(folder: Path) -> RunRecord:
    """Everything known about a run; may be read while the run goes on. Raises InputRejected for anything but a run."""
    folder = Path(folder)
    if not (folder / RUN).is_file():
        raise InputRejected(f"{folder}: no {RUN}; give the folder that `align3d benchmark --run` wrote")
    claim = _read_run(folder / RUN)
    plan, scans, failures = {}, {}, {}
    for line in read_lines(folder / LOG):
        if line["type"] == "plan":
            plan = line
        elif line["type"] == "failure":
            failures[line["sample"]] = line
        elif line["type"] == "scan":
            scans[line["arm"]["name"], line["sample"]] = line
            failures.pop(line["sample"], None)
    ordered = sorted(scans.values(), key=lambda s: (s["arm"]["name"], s["category"], s["sample"]))
    failed = [failures[name] for name in sorted(failures)]
    return RunRecord(folder, claim["settings"], claim["version"], plan, ordered, failed)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last one that was cut short is passed over. Raises InputRejected for damage elsewhere."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    found = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break is empty or torn
        try:
            found.append(json.loads(line))
        except ValueError as error:
            damage = f"{path}: line {number} is damaged ({error}); delete it and run again to score it anew"
            raise InputRejected(damage) from error
    return found


def differences(there: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """The entries in which two sets of settings differ, as words."""
    names = sorted(there.keys() | asked.keys())
    return [f"{n}: {there.get(n)} there, {asked.get(n)} asked" for n in names if there.get(n) != asked.get(n)]


def _read_run(path: Path) -> dict[str, Any]:
    try:
        claim = json.loads(path.read_text())
        if claim["format"] == FORMAT and claim["hash"] == digest_of_settings(claim["settings"]):
            return claim
    except (ValueError, KeyError, TypeError):
        pass
    raise InputRejected(f"{path}: not the settings of a run this version can read; name another --run")
