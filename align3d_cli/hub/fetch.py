"""Weights of open_clip models into our cache: from a source whose hash is known, or as the hub has them now.

OpenAI's own addresses carry the SHA-256 of the file, so that source comes first. Files of the hub have no hash that is
known beforehand: without one given by the user they are trusted on first use, recorded, and held to that ever after.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from align3d_cli.encoders.sources import WeightsSource, by_hand
from align3d_cli.errors import EnvironmentMissing, InputRejected, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.manifest import WEIGHTS_SUFFIXES, stated, write_sidecar

if TYPE_CHECKING:
    from align3d_cli.hub.transfer import Advance

OFFLINE_VARIABLES = ("ALIGN3D_OFFLINE", "HF_HUB_OFFLINE")  # the second is huggingface_hub's own
MAX_BYTES = 12 * 2**30  # of a file; ViT-bigG-14 in float32 has 10.2 GB
NO = ("", "0", "false", "no", "off")  # what a variable says that is there and not meant


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file in the cache. trust: whose word its hash is; there: it was there before."""

    path: Path
    sha256: str
    n_bytes: int
    trust: str
    there: bool
    revision: str | None = None


def fetch(
    source: WeightsSource,
    folder: Path,
    *,
    max_bytes: int = MAX_BYTES,
    say: Callable[[str], None] = lambda text: None,
    advance: "Advance" = lambda done, total: None,
) -> Fetched:
    """The file of a source in `folder`, fetched unless it is there and is what it should be.

    One process at a time; another one waits and finds the file. Raises EnvironmentMissing (no network: says where to
    put the file by hand), InputRejected (what came has a wrong hash or is too large) and WeightsRejected (so has the
    file that was there).
    """
    stem = source.filename.removesuffix(Path(source.filename).suffix)
    with _own_files(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f".{stem}.lock", say):
            for suffix in WEIGHTS_SUFFIXES:
                if (there := folder / f"{stem}{suffix}").is_file():
                    return _accepted(there, source)
            if said := [name for name in OFFLINE_VARIABLES if os.environ.get(name, "").lower() not in NO]:
                raise EnvironmentMissing(by_hand(source, folder, f"{said[0]} is set, so nothing is fetched"))
            return _fetched(source, folder, folder / f".{stem}.fetching", max_bytes, advance)


def _fetched(source: WeightsSource, folder: Path, staging: Path, max_bytes: int, advance: "Advance") -> Fetched:
    """Bring the file into a folder of its own, hash it, and only then move it to its place."""
    from align3d_cli.hub.transfer import Unreachable, from_address, from_hub  # tries a socket as it is imported

    staging.mkdir(exist_ok=True)
    try:
        if source.repository:
            source, came = from_hub(source, staging, max_bytes)
        else:
            source, came = from_address(source, staging, max_bytes, advance)
        digest = sha256_of(came)
        if source.sha256 not in (None, digest):
            told = f"{source.url}: what came has SHA-256 {digest}, not {source.sha256}; nothing was kept"
            raise InputRejected(f"{told}: fetch it from another address or network")
        path = folder / source.filename
        write_sidecar(path, digest, {"source": source.url, "trust": source.trust, "revision": source.revision})
        os.replace(came, path)
    except Unreachable as error:
        if not source.repository:  # huggingface_hub goes on with what it left there
            shutil.rmtree(staging)
        raise EnvironmentMissing(by_hand(source, folder, str(error))) from error
    except InputRejected:
        shutil.rmtree(staging)
        raise
    shutil.rmtree(staging)
    return Fetched(path, digest, path.stat().st_size, source.trust, False, source.revision)


def _accepted(path: Path, source: WeightsSource) -> Fetched:
    """A file that is there: fetched earlier or put by hand. It must be what is known of it; else its hash is noted."""
    digest, known = sha256_of(path), stated(path)
    comparable = source.sha256 is not None and (source.trust == "given" or path.name == source.filename)
    wanted = source.sha256 if comparable else known.sha256 if known else None
    if wanted not in (None, digest):
        raise WeightsRejected(f"{path}: SHA-256 {digest} is not {wanted}; remove the file and fetch it again")
    trust = source.trust if comparable else known.trust if known else "first use"
    if known is None or known.sha256 != digest or known.trust != trust:
        write_sidecar(path, digest, {"source": "put here by hand", "trust": trust})
    return Fetched(path, digest, path.stat().st_size, trust, True)


@contextmanager
def locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file; the system frees it when its process ends, however that happens."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{path.name[1:-5]}: another process is fetching it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _own_files(folder: Path) -> Iterator[None]:
    """Errors of our own disk as EnvironmentMissing; what goes wrong on the net never comes here as an OSError."""
    try:
        yield
    except OSError as error:
        told = f"{folder}: cannot be used ({error.strerror or error})"
        raise EnvironmentMissing(f"{told}; make room there or set ALIGN3D_CACHE") from error
