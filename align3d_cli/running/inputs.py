"""The inputs of a call, one `Part` a scan: folders opened, outputs named, nothing read yet."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.io.read import SCAN_SUFFIXES

HEATMAP_FORMATS = ("ply", "npz", "tiff", "glb", "png", "html")
NAMED_ONLY = (".txt",)  # notes and label lists too, in most folders: scored when named, left out of a folder's sweep
LABEL_FOLDERS = ("gt", "GT")  # ground truth beside the scans of a data set
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Part:
    """One scan of the call.

    name:   as messages and results call it; "-" for standard input
    place:  path below the output folder, without a change of suffix
    output: heat map to write, None for none
    """

    name: str
    place: Path
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The parts of a call in order, and the files of its folders that were left out."""

    parts: list[Part]
    left_out: list[Path]


def find_parts(inputs: Sequence[str], *, avoid: Path | None = None) -> Found:
    """Files as named and all scans below folders, sorted by path, without hidden files and ground truth.

    avoid: a folder that is not searched, because the outputs go there
    A folder without scans stays as a part of its own, which fails like any other bad input.
    Raises UsageError for "-" named twice.
    """
    parts, left_out = [], []
    for name in inputs:
        folder = Path(name)
        if name != STDIN and os.path.isdir(folder):  # unlike is_dir, says no to names that are too long
            scans, others = _scans_below(folder, avoid)
            parts += [Part(str(path), path.relative_to(folder)) for path in scans] or [Part(name, Path(folder.name))]
            left_out += others
        else:
            parts.append(Part(name, Path("stdin" if name == STDIN else folder.name)))
    if [part.name for part in parts].count(STDIN) > 1:
        raise UsageError("standard input (-) can be read once only; name it once")
    return Found(_apart(parts), left_out)


def known_scans(names: Sequence[str]) -> tuple[str, ...]:
    """Good parts by name: files as named and all scans below folders, as `find_parts`.

    Raises UsageError for standard input, InputRejected for a name of nothing and for a folder without scans.
    """
    if STDIN in names:
        raise UsageError("a good part cannot come on standard input (-), where scans come; name its file")
    found = tuple(part.name for part in find_parts(names).parts)
    for name in found:
        check_no_folder(name)
        if not os.path.exists(name):
            raise InputRejected(f"{name}: no such file; check the path")
    return found


def check_no_folder(name: str) -> None:
    """Raise InputRejected for the name of a folder, which `find_parts` leaves only where it holds no scan."""
    if name != STDIN and os.path.isdir(name):
        raise InputRejected(f"{name}: holds no scan ({' '.join(SCAN_SUFFIXES)}); name the folder that does")


def _scans_below(folder: Path, avoid: Path | None) -> tuple[list[Path], list[Path]]:
    """Scans below a folder and the ambiguous files left out, both sorted."""
    scans: list[Path] = []
    others: list[Path] = []
    for root, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in LABEL_FOLDERS)
        if avoid is not None:
            folders[:] = [f for f in folders if not _same_file(Path(root) / f, avoid)]
        for file in sorted(files):
            suffix = Path(file).suffix.lower()
            if suffix in SCAN_SUFFIXES and not file.startswith("."):
                (others if suffix in NAMED_ONLY else scans).append(Path(root) / file)
    return sorted(scans), others


def _unreadable(error: OSError) -> None:
    raise InputRejected(f"{error.filename}: cannot be searched ({error.strerror}); check its permissions")


def _apart(parts: list[Part]) -> list[Part]:
    """The parts with places that differ: where two would share one, their folders are kept too."""
    clash = {place for place, count in Counter(part.place for part in parts).items() if count > 1}
    if not clash:
        return parts
    absolute = [Path(part.name).absolute() for part in parts]
    common = Path(os.path.commonpath([path.parent for path in absolute]))
    return [
        part if part.name == STDIN else replace(part, place=path.relative_to(common))
        for part, path in zip(parts, absolute, strict=True)
    ]


def with_outputs(parts: list[Part], folder: Path, suffix: str) -> list[Part]:
    """The parts with outputs below a folder; part.ply and part.stl side by side keep both their suffixes.

    Raises UsageError when one file is named twice.
    """
    again = [name for name, count in Counter(part.name for part in parts).items() if count > 1]
    if again:
        raise UsageError(f"{again[0]}: is named more than once; name every input once")
    stems = Counter(part.place.with_suffix("") for part in parts)
    named = []
    for part in parts:
        shared = stems[part.place.with_suffix("")] > 1
        file = part.place.with_name(part.place.name + suffix) if shared else part.place.with_suffix(suffix)
        named.append(replace(part, output=folder / file))
    twice = [path for path, count in Counter(part.output for part in named).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]}: would be written twice; score the parts in two calls")
    return named


def format_of(path: Path, given: str | None = None) -> str:
    """The format of an output: as given, else by its suffix. Raises UsageError for suffixes that mean none."""
    suffix = path.suffix.lower().lstrip(".")
    name = given or {"tif": "tiff", "htm": "html"}.get(suffix, suffix)
    if name not in HEATMAP_FORMATS:
        known = " ".join(f".{format}" for format in HEATMAP_FORMATS)
        raise UsageError(f"{path}: its name says no heat map format; end it with one of {known}")
    return name


def with_named_output(
    parts: list[Part], out: Path | None, out_dir: Path | None, format: str | None
) -> tuple[list[Part], str]:
    """The parts with their outputs, and the format these are written in. Raises UsageError, see above."""
    kind = format or "ply"
    if out is not None:
        if len(parts) > 1:
            raise UsageError(f"--out {out}: {len(parts)} parts cannot share a heat map; use --out-dir or --report")
        kind = format_of(out, format)
        parts = [replace(parts[0], output=out)]
    elif out_dir is not None:
        parts = with_outputs(parts, out_dir, f".{kind}")
    refuse_own_input(parts)
    return parts, kind


def stream_format(inputs: Sequence[str], format: str | None) -> str | None:
    """For a lone - without --input-format: --format says what comes in too, when scans have that format."""
    return format if list(inputs) == [STDIN] and f".{format}" in SCAN_SUFFIXES else None


def refuse_own_input(parts: list[Part]) -> None:
    """Raise UsageError when a heat map would replace the scan it was made from, whatever --force says."""
    for part in parts:
        if part.output is not None and part.name != STDIN and _same_file(part.output, Path(part.name)):
            raise UsageError(f"{part.output}: is the scan itself; write the heat map elsewhere")


def _same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one place; links that lead in a circle lead nowhere."""
    return os.path.realpath(one) == os.path.realpath(other)


def numbered(part: Part, number: int) -> Part:
    """One of the separate parts that a scan holds: scan.ply#1, its heat map heat-1.ply."""
    output = part.output and part.output.with_name(f"{part.output.stem}-{number}{part.output.suffix}")
    return replace(part, name=f"{part.name}#{number}", output=output)
