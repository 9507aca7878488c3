"""What a weights file must be: `manifest.json` beside shipped models, `<file>.sha256` beside fetched ones.

A statement about a file is looked up by its name alone, and the file is hashed against it before anything parses it.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align3d_cli.errors import EnvironmentMissing, UsageError, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.files import write_bytes, write_json

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1
WEIGHTS_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
SHA256 = re.compile(r"[0-9a-f]{64}")
STATEMENT_LIMIT = 4 * 2**20  # bytes of a manifest or sidecar; ours hold a few hundred a file


@dataclass(frozen=True, slots=True)
class Stated:
    """What is known of a file before it is read.

    sha256: 64 hex digits; n_bytes: its size, None where only the hash is stated
    trust:  whose word that is: "manifest", "published" (by the authors), "given" (by the user), "first use" (what the
            file was when it came), "hub" (name of the file in the hub's own cache)
    where:  the file that says so; source, licence: as stated there
    """

    sha256: str
    n_bytes: int | None
    trust: str
    where: Path
    source: str | None = None
    licence: str | None = None


def stated(path: Path) -> Stated | None:
    """What is stated about a file, from its sidecar, the manifest beside it or the hub's cache; None for nothing.

    Raises WeightsRejected for a manifest or sidecar that cannot be read: a statement that is there counts.
    """
    path = Path(path)
    sidecar = sidecar_of(path)
    if sidecar.is_file():
        return _read_sidecar(sidecar)
    entry = read_manifest(path.parent).get(path.name)
    if entry is not None:
        return _from_entry(entry, path.with_name(MANIFEST))
    blob = Path(os.path.realpath(path))  # unlike resolve, takes a link that leads in a circle
    return Stated(blob.name, None, "hub", blob) if path.is_symlink() and SHA256.fullmatch(blob.name) else None


def require_stated(path: Path, digest: str | None = None, published: str | None = None, *, note: bool = False) -> None:
    """Raise WeightsRejected unless a file is what is stated about it; files nobody stated anything about pass.

    digest:    of the file, where it is known already; else the file is hashed when there is something to compare with
    published: hash that the file's authors publish for it, which counts above all else
    note:      of a file that nobody stated anything about, note the hash it has now and hold it to that ever after
    """
    known = stated(path)
    if published is not None:
        known = Stated(published, None, "published", path)
    if known is None:
        if note:
            with suppress(EnvironmentMissing):  # a folder that is read only stays as it is
                write_sidecar(path, digest or sha256_of(path), {"source": "put here by hand", "trust": "first use"})
        return
    if known.n_bytes not in (None, path.stat().st_size):
        raise WeightsRejected(_differs(path, f"{path.stat().st_size:,} bytes", f"{known.n_bytes:,}", known))
    digest = digest or sha256_of(path)
    if digest != known.sha256:
        raise WeightsRejected(_differs(path, f"SHA-256 {digest[:12]}..", f"{known.sha256[:12]}..", known))


def _differs(path: Path, found: str, wanted: str, known: Stated) -> str:
    whose = "its publisher" if known.where == path else known.where.name
    return f"{path}: {found} is not the {wanted} of {whose}; the file is damaged or another: fetch or copy it again"


def sidecar_of(path: Path) -> Path:
    """Where the hash of a fetched file stands; `sha256sum --check` reads it too."""
    return path.with_name(path.name + ".sha256")


def write_sidecar(path: Path, sha256: str, notes: Mapping[str, str | None]) -> None:
    """State the hash of a file beside it, with notes (source, trust, ..) as comment lines."""
    lines = [f"# {key}: {value}" for key, value in notes.items() if value is not None]
    text = "\n".join([*lines, f"{sha256}  {path.name}"]) + "\n"
    write_bytes(sidecar_of(path), text.encode(), force=True)


def _read_sidecar(sidecar: Path) -> Stated:
    notes, digests = {}, []
    for line in _small_text(sidecar).splitlines():
        if line.startswith("#"):
            key, _, value = line[1:].partition(":")
            notes[key.strip()] = value.strip()
        elif line.strip():
            digests.append(line.split()[0].lower())
    if len(digests) != 1 or not SHA256.fullmatch(digests[0]):
        raise WeightsRejected(f"{sidecar}: holds no single SHA-256; remove it and fetch the weights again")
    return Stated(digests[0], None, notes.get("trust", "given"), sidecar, notes.get("source"), notes.get("licence"))


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of a folder's manifest by file name; empty where there is none. Raises WeightsRejected."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        content = json.loads(_small_text(path))
    except ValueError as error:
        raise WeightsRejected(f"{path}: not JSON ({error}); restore it or run `align3d weights manifest`") from error
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
        raise WeightsRejected(f"{path}: lists no files; restore it or run `align3d weights manifest {folder}`")
    return files


def _from_entry(entry: dict[str, Any], manifest: Path) -> Stated:
    digest, n_bytes = entry.get("sha256"), entry.get("bytes")
    if not isinstance(digest, str) or not SHA256.fullmatch(digest) or not isinstance(n_bytes, int | None):
        raise WeightsRejected(f"{manifest}: an entry without a whole SHA-256; restore it or write it anew")
    return Stated(digest, n_bytes, "manifest", manifest, entry.get("source"), entry.get("licence"))


def _small_text(path: Path) -> str:
    if path.stat().st_size > STATEMENT_LIMIT:
        raise WeightsRejected(f"{path}: {path.stat().st_size:,} bytes are too many for a list of hashes; restore it")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WeightsRejected(f"{path}: not text ({error.reason}); restore it") from error


def write_manifest(folder: Path, *, licence: str | None = None, source: str | None = None) -> dict[str, dict[str, Any]]:
    """List every .safetensors file of a folder with bytes, SHA-256, licence, source and stages of training.

    licence, source: of files that do not say so themselves and have no entry yet; entries keep what they have
    Returns the entries. Raises UsageError for a file whose licence or source is not known from anywhere.
    """
    files = sorted(Path(folder).glob("*.safetensors"))
    if not files:
        raise UsageError(f"{folder}: holds no .safetensors file; name the folder of the weights")
    before = read_manifest(Path(folder))
    entries = {path.name: _entry(path, before.get(path.name, {}), licence, source) for path in files}
    write_json(Path(folder) / MANIFEST, {"format": MANIFEST_FORMAT, "files": entries})
    return entries


def _entry(path: Path, before: dict[str, Any], licence: str | None, source: str | None) -> dict[str, Any]:
    header = safetensors_metadata(path)
    entry = {
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "licence": header.get("license") or before.get("licence") or licence,
        "source": header.get("source") or before.get("source") or source,
    }
    missing = [key for key in ("licence", "source") if not entry[key]]
    if missing:
        options = " and ".join(f"--{key}" for key in missing)
        raise UsageError(f"{path}: says nothing of its {' or '.join(missing)}; give {options}")
    stages = training_record(header)
    return entry | ({"trained": sorted(stages)} if stages else {})


def training_record(header: Mapping[str, str]) -> dict[str, Any]:
    """The record of training in a bundle's metadata, empty for files that are no bundles."""
    try:
        settings = json.loads(header.get("align3d", "{}"))
        return dict(settings.get("record", {}))
    except (ValueError, TypeError, AttributeError):
        return {}


def safetensors_metadata(path: Path) -> dict[str, str]:
    """The words in a safetensors file's header, without its tensors. Raises WeightsRejected for another file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise WeightsRejected(f"{path}: not a whole safetensors file ({error}); copy it again") from error
