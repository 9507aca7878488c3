"""Weights of open_clip models into our cache: from a source whose hash is known, or as the hub has them now.

OpenAI's own addresses carry the SHA-256 of the file, so that source comes first. Files of the hub have no hash that is
known beforehand: without one given by the user they are trusted on first use, recorded, and held to that ever after.
"""

import fcntl
import os
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from align3d_cli.encoders.sources import Source, by_hand
from align3d_cli.errors import EnvironmentMissing, InputRejected, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.manifest import SHA256, WEIGHTS_SUFFIXES, sidecar_of, stated, write_sidecar
from align3d_cli.hub.connection import Watch, open_url
from align3d_cli.hub.transfer import Limits, Unreachable, download, drop_partial, number, own_files

OFFLINE_VARIABLE = "ALIGN3D_OFFLINE"
HOPS = 5


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
    source: Source,
    folder: Path,
    *,
    limits: Limits | None = None,
    say: Callable[[str], None] = lambda text: None,
    advance: Callable[[int, int | None], None] = lambda done, total: None,
) -> Fetched:
    """The file of a source in `folder`, fetched unless it is there and is what it should be.

    One process at a time; another one waits and finds the file. Raises EnvironmentMissing (no network: says where to
    put the file by hand), InputRejected (what came has a wrong hash or is too large) and WeightsRejected (so has the
    file that was there).
    """
    with own_files(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return _fetched(source, folder, limits or Limits(), say, advance)


def _fetched(source: Source, folder: Path, limits: Limits, say, advance) -> Fetched:
    stem = source.filename.removesuffix(Path(source.filename).suffix)
    with locked(folder / f".{stem}.lock", say):
        for suffix in WEIGHTS_SUFFIXES:
            if (there := folder / f"{stem}{suffix}").is_file():
                return _accepted(there, source)
        path = folder / source.filename
        if os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0"):
            raise EnvironmentMissing(by_hand(source, folder, f"{OFFLINE_VARIABLE} is set, so nothing is fetched"))
        try:
            source = resolve_hub(source, limits) if source.repository else source
            path = folder / source.filename
            digest = _brought(source, folder / f".{source.filename}.part", limits, advance)
        except Unreachable as error:
            raise EnvironmentMissing(by_hand(source, folder, str(error))) from error
        partial = folder / f".{source.filename}.part"
        write_sidecar(path, digest, _notes(source))
        os.replace(partial, path)
        drop_partial(partial)
    return Fetched(path, digest, path.stat().st_size, source.trust, False, source.revision)


def _brought(source: Source, partial: Path, limits: Limits, advance) -> str:
    """Download and hash; a continued file that came out wrong is fetched once more from its beginning."""
    for _ in range(2):
        continued = download(
            source.url, partial, limits=limits, n_bytes=source.n_bytes, verifiable=source.sha256 is not None,
            advance=advance,
        )  # fmt: skip
        digest = sha256_of(partial)
        if source.sha256 in (None, digest):
            return digest
        drop_partial(partial)
        if not continued:
            break
    raise InputRejected(
        f"{source.url}: what came has SHA-256 {digest}, not {source.sha256}; nothing was kept: "
        f"fetch it from another address or network"
    )


def _accepted(path: Path, source: Source) -> Fetched:
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


def _notes(source: Source) -> dict[str, str | None]:
    return {"source": source.url, "trust": source.trust, "revision": source.revision}


def resolve_hub(source: Source, limits: Limits) -> Source:
    """Ask the hub which commit and file a source means. Raises Unreachable."""
    refused = None
    for file in source.files:
        asked = urljoin(source.url, file)
        try:
            with Watch(limits.stall_s, limits.stall_bytes_s) as watch:
                headers = _hub_headers(asked, limits, watch)
        except urllib.error.HTTPError as error:
            refused = f"{asked}: the server answered {error.code}"
            continue
        except (OSError, HTTPException, ValueError) as error:  # ValueError: sent to an address that is none
            raise Unreachable(f"{asked}: {getattr(error, 'reason', error)}") from error
        return _pinned(source, asked, file, headers)
    raise Unreachable(refused or f"{source.url}: not found")


def _hub_headers(url: str, limits: Limits, watch: Watch):
    """Headers of the hub's own answer, before it sends us to where the bytes lie."""
    home = urlsplit(url)[:2]  # scheme and host
    for _ in range(HOPS):
        try:
            with open_url(url, watch, method="HEAD", follow=False, timeout_s=limits.timeout_s) as response:
                return response.headers
        except urllib.error.HTTPError as error:
            target = urljoin(url, error.headers.get("Location", ""))
            if error.code not in (301, 302, 303, 307, 308):
                raise
            if error.headers.get("X-Linked-Etag") or urlsplit(target)[:2] != home:
                return error.headers
            url = target
    raise Unreachable(f"{url}: the server redirects in circles")


def _pinned(source: Source, asked: str, file: str, headers) -> Source:
    commit = headers.get("X-Repo-Commit") or source.revision
    etag, size = (headers.get("X-Linked-Etag") or "").strip('"'), headers.get("X-Linked-Size")
    if source.sha256 and SHA256.fullmatch(etag) and etag != source.sha256:
        raise InputRejected(f"{asked}: the hub has SHA-256 {etag}, not {source.sha256}; another --revision?")
    url = asked.replace(f"/resolve/{source.revision or 'main'}/", f"/resolve/{commit}/") if commit else asked
    stem = source.filename.removesuffix(Path(source.filename).suffix)
    return replace(
        source, url=url, filename=stem + Path(file).suffix, revision=commit,
        sha256=source.sha256 or (etag if SHA256.fullmatch(etag) else None),
        n_bytes=number(size),
    )  # fmt: skip


@contextmanager
def locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock file; the system frees it when its process ends, however that happens."""
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"{path.name[1:-5]}: another process is fetching it; waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def inventory(folders: list[Path]) -> list[Path]:
    """Weights files of the folders that there are, in search order; unfinished transfers are left out."""
    found = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return [p for p in found if p.suffix in WEIGHTS_SUFFIXES and not p.name.startswith(".") and p.is_file()]


def state_of(path: Path) -> tuple[str, str]:
    """(state, detail) of a file: "verified", "damaged", or "unstated" where nobody has told its hash."""
    try:
        known = stated(path)
    except InputRejected as error:
        return "damaged", str(error)
    if known is None:
        return "unstated", "no hash is known; `align3d weights fetch` notes one"
    if known.n_bytes not in (None, path.stat().st_size) or sha256_of(path) != known.sha256:
        return "damaged", f"is not the file of {known.where.name}"
    return "verified", f"as {known.trust} ({(known.where if known.trust != 'hub' else sidecar_of(path)).name})"
