"""What was scored into a folder: a file beside the heat maps, from which a call that was cut off goes on.

A line is JSON with its own checksum (`helpers.sealed_lines`). One at the start of a call names the heat maps that it is
to write and the key of everything that decides their content; then one follows for every heat map that is done. Nothing
is ever taken over from another model, other settings or another scan.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from align3d_cli import __version__
from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.helpers.digest import digest_of_settings, sha256_of
from align3d_cli.helpers.files import make_folder
from align3d_cli.helpers.sealed_lines import sealed, unsealed
from align3d_cli.model.find import find_model
from align3d_cli.report.read_results import RECORD
from align3d_cli.report.result import FIELDS
from align3d_cli.running.batch import BatchSettings, Outcome
from align3d_cli.running.inputs import Part

# Of BatchSettings, what decides no heat map; the model counts by its bytes
NOT_CONTENT = {"model", "force", "pages", "page_parts", "page_points"}


class Scorer(Protocol):
    """A `Batch` or a `ClusterBatch`."""

    def outcomes(self, parts: list[Part]) -> Iterator[Outcome]:
        """One after the other, in the order of the parts."""


@dataclass(frozen=True, slots=True)
class Record:
    """The record of an output folder, as a call with these settings reads and writes it. key: see `key_of`."""

    path: Path
    key: str

    def kept(self, parts: Iterable[Part]) -> dict[Path, Outcome]:
        """The outcomes of the parts whose heat maps are there and are what this call would make, by heat map.

        Raises UsageError for a heat map that another call wrote, or nobody we know: it is not ours to replace.
        """
        told = self._told()
        found = {}
        for part in parts:
            if part.output is None or not os.path.exists(part.output):
                continue
            line = told.get(str(part.output))
            if line is None:
                raise UsageError(f"{part.output}: exists, and no call that goes on here wrote it; add --force instead")
            if line["key"] != self.key:
                finding = "was made by another model or version, or with other options"
                raise UsageError(
                    f"{part.output}: {finding}; name another --out-dir, or add --force instead of --resume"
                )
            if _is_current(line, part):
                found[part.output] = Outcome(part, line["result"])
        return found

    def begin(self, parts: Iterable[Part]) -> None:
        """Note what this call is going to write. Raises EnvironmentMissing, as `add`."""
        self._append({"key": self.key, "outputs": [str(part.output) for part in parts if part.output is not None]})

    def add(self, found: Outcome) -> None:
        """Note an outcome whose heat map is written. Raises EnvironmentMissing when that cannot be done."""
        if found.failure is None and found.part.output is not None:
            output = found.part.output
            line = {"key": self.key, "outputs": [str(output)], "output_sha256": sha256_of(output)}
            self._append(line | {"result": found.result})

    def _append(self, line: dict[str, Any]) -> None:
        make_folder(self.path.parent)
        try:
            with self.path.open("ab") as stream:
                # a line of its own, whatever half a line a killed call left
                stream.write((b"\n" if stream.tell() else b"") + sealed(line))
        except OSError as error:
            finding = f"cannot be written ({error.strerror}); free space or choose another --out-dir"
            raise EnvironmentMissing(f"{self.path}: {finding}") from error

    def _told(self) -> dict[str, dict[str, Any]]:
        """The last line about each heat map. Lines that are not as they were written count for nothing."""
        told: dict[str, dict[str, Any]] = {}
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return told
        except OSError as error:
            raise EnvironmentMissing(
                f"{self.path}: cannot be read ({error.strerror}); check its permissions"
            ) from error
        for line in filter(None, map(_whole, lines)):
            told |= dict.fromkeys(line["outputs"], line)
        return told


def record_of(folder: Path, settings: BatchSettings) -> Record:
    """The record of an output folder for a call with these settings. Raises EnvironmentMissing without the model."""
    return Record(folder / RECORD, key_of(settings))


def key_of(settings: BatchSettings) -> str:
    """SHA-256 of all that decides a result beside the scan: version, bytes of the model, and the options that count."""
    counting = {name: value for name, value in asdict(settings).items() if name not in NOT_CONTENT}
    known = [*settings.good, *([] if settings.reference is None else [settings.reference])]
    counting["known"] = [sha256_of(Path(name)) if os.path.isfile(name) else name for name in known]
    return digest_of_settings({"version": __version__, "model": sha256_of(find_model(settings.model))} | counting)


def outcomes(scorer: Scorer, parts: list[Part], record: Record | None, kept: dict[Path, Outcome]) -> Iterator[Outcome]:
    """The outcomes of all parts in their order: those kept as they were, the others scored and put on record."""
    if record is not None:
        record.begin(part for part in parts if part.output not in kept)
    fresh = scorer.outcomes([part for part in parts if part.output not in kept])
    for part in parts if kept else ():
        if part.output is not None and part.output in kept:
            yield kept[part.output]
        else:
            yield _recorded(next(fresh), record)
    for found in fresh:  # all of them when none is kept; of a split scan there are several
        yield _recorded(found, record)


def _recorded(found: Outcome, record: Record | None) -> Outcome:
    if record is not None:
        record.add(found)
    return found


def _whole(text: bytes) -> dict[str, Any] | None:
    """What a line says; None for half a line, a damaged one, or one of somebody else."""
    try:
        line = unsealed(text)
    except ValueError:  # its part is scored again
        return None
    return line if "outputs" in line else None


def _is_current(line: dict[str, Any], part: Part) -> bool:
    """Whether a heat map is the one on record, and the scan still the one it was made from, by the same name; and
    whether its result tells what results tell."""
    result = line.get("result")
    if result is None or part.output is None or result.keys() != set(FIELDS) or result["input"] != part.name:
        return False
    try:
        return sha256_of(part.output) == line["output_sha256"] and sha256_of(part.name) == result["input_sha256"]
    except OSError:  # the scan is gone, or is standard input
        return False
