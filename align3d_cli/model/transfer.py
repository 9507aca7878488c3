"""One file over HTTP into a partial file: goes on where it was cut, never beyond its declared size."""

import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from align3d_cli import __version__
from align3d_cli.errors import EnvironmentMissing, InputRejected, UsageError

CHUNK = 1 << 20
PASSING = (408, 425, 429, 500, 502, 503, 504)  # what a server may answer differently a little later
NO_CONTINUATION = 416  # range not satisfiable: the file there is shorter or another
LOOPBACK = ("127.0.0.1", "::1", "localhost")
HEADERS = {"User-Agent": f"align3d/{__version__}", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a transfer gives up.

    max_bytes: of the file, declared or sent; attempts: in a row that bring less than `progress_bytes`
    timeout_s: without a byte; stall_bytes_s: slowest mean rate over stall_s; pause_s: before the first new attempt
    """

    max_bytes: int = 12 * 2**30  # ViT-bigG-14 in float32 has 10.2 GB
    attempts: int = 6
    progress_bytes: int = 1 << 20
    timeout_s: float = 30.0
    stall_s: float = 60.0
    stall_bytes_s: float = 500.0
    pause_s: float = 0.5


class Unreachable(Exception):
    """The server could not be reached or refuses: nothing that another attempt would change."""


class _Cut(Exception):
    """The connection ended early or could not be opened; the next attempt may go on from there."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5
    max_repeats = 2

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise InputRejected(f"{req.full_url}: redirects to {newurl}, which is not encrypted; fetch it by hand")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        return None


def check_address(url: str, *, verifiable: bool) -> None:
    """Raise UsageError for an address that is not HTTP, or not encrypted while nothing tells a forged file."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url}: not an address to fetch from; give one with https://")
    if parts.scheme == "http" and not verifiable and parts.hostname not in LOOPBACK:
        raise UsageError(f"{url}: not encrypted, and no hash of the file is known; use https or give --sha256")


def open_url(
    url: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    follow: bool = True,
    timeout_s: float = 30.0,
) -> http.client.HTTPResponse:
    """Open an HTTP address; no other scheme is ever opened. Raises urllib's and http.client's errors."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPErrorProcessor(), urllib.request.UnknownHandler(),
        _Redirects() if follow else _NoRedirects(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener.open(urllib.request.Request(url, headers=HEADERS | (headers or {}), method=method), timeout=timeout_s)


def download(
    url: str,
    partial: Path,
    *,
    limits: Limits | None = None,
    n_bytes: int | None = None,
    verifiable: bool = False,
    advance: Callable[[int, int | None], None] = lambda done, total: None,
) -> None:
    """Bring the whole file to `partial`, from where an earlier call or attempt was cut.

    n_bytes:    its size where that is known beforehand
    verifiable: the caller knows the file's hash; then an unknown size and a continuation without ETag are fine
    advance:    called with the bytes there are and the bytes there will be (None while unknown)
    Raises Unreachable, EnvironmentMissing (disk full) and InputRejected (too large, not what was announced).
    """
    limits = limits or Limits()
    job = _Job(url, partial, limits, n_bytes, verifiable, advance)
    idle = 0
    while True:
        before = job.held()
        try:
            return job.attempt()
        except _Cut as cut:
            idle = 0 if job.held() - before >= limits.progress_bytes else idle + 1
            if idle >= limits.attempts:
                raise Unreachable(f"{cut} ({idle} attempts)") from cut
            time.sleep(limits.pause_s * 2 ** (idle - 1) if idle else 0)


@dataclass(frozen=True, slots=True)
class _Job:
    url: str
    partial: Path
    limits: Limits
    n_bytes: int | None
    verifiable: bool
    advance: Callable[[int, int | None], None]

    @property
    def note(self) -> Path:
        """Which version of the file the partial bytes are of."""
        return note_of(self.partial)

    def held(self) -> int:
        return self.partial.stat().st_size if self.partial.is_file() else 0

    def drop(self) -> None:
        drop_partial(self.partial)

    def attempt(self) -> None:
        """One connection. Raises _Cut where it ends early."""
        start = self.held()
        headers = self._continuation()
        try:
            with open_url(self.url, headers, timeout_s=self.limits.timeout_s) as response:
                start = start if headers and self._continues(response, start) else 0
                total = self._total(response, start)
                self._keep_note(response)
                self._receive(response, start, total)
        except urllib.error.HTTPError as error:
            self._answer(error)
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
            if isinstance(error, OSError) and error.filename is not None:
                raise  # of our own files
            raise _Cut(f"{getattr(error, 'reason', None) or error or type(error).__name__}") from error

    def _continuation(self) -> dict[str, str]:
        """Headers that ask for the rest, empty to begin anew: only bytes known to be of this very file are kept."""
        etag = read_note(self.note).get("etag") if read_note(self.note).get("url") == self.url else None
        if not self.held() or not (etag or self.verifiable):
            return {}
        return {"Range": f"bytes={self.held()}-"} | ({"If-Range": etag} if etag else {})

    def _continues(self, response: http.client.HTTPResponse, start: int) -> bool:
        """Whether the answer is the rest that was asked for, not the whole file again."""
        if response.status != 206:
            return False
        if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            self.drop()
            raise _Cut("the server sent another part of the file than asked for")
        return True

    def _total(self, response: http.client.HTTPResponse, start: int) -> int | None:
        """Bytes the whole file will have, checked against limits and disk before any is read."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise InputRejected(f"{self.url}: the server packs the file; fetch it by hand")
        if response.status not in (200, 206) or (response.status == 206 and not start):
            raise InputRejected(f"{self.url}: the server answered {response.status} instead of the file")
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isascii() and length.isdigit() else None
        if total is None and not (self.verifiable or self.n_bytes):
            raise InputRejected(f"{self.url}: the server does not tell the file's size; give --sha256 to check it by")
        announced = max(total or 0, self.n_bytes or 0)
        if announced > self.limits.max_bytes:
            raise InputRejected(f"{self.url}: {announced:,} bytes, more than the limit of {self.limits.max_bytes:,}")
        if None not in (total, self.n_bytes) and total != self.n_bytes:
            self.drop()
            raise InputRejected(f"{self.url}: {total:,} bytes instead of {self.n_bytes:,}; not the file meant")
        free = shutil.disk_usage(self.partial.parent).free
        if announced - start > free:
            finding = f"{free:,} bytes are free, {announced - start:,} are needed"
            raise EnvironmentMissing(f"{self.partial.parent}: {finding}; make room or set ALIGN3D_CACHE")
        return total or self.n_bytes

    def _keep_note(self, response: http.client.HTTPResponse) -> None:
        etag = response.headers.get("ETag", "")
        note = {"url": self.url} | ({} if etag.startswith("W/") or not etag else {"etag": etag})
        self.note.write_text(json.dumps(note))

    def _receive(self, response: http.client.HTTPResponse, start: int, total: int | None) -> None:
        done, ceiling = start, self.limits.max_bytes if total is None else total
        window, since = done, time.monotonic()
        with open(self.partial, "ab" if start else "wb") as file:
            while chunk := response.read1(CHUNK):
                done += len(chunk)
                if done > ceiling:
                    break
                file.write(chunk)
                self.advance(done, total)
                if (seconds := time.monotonic() - since) > self.limits.stall_s:
                    if done - window < self.limits.stall_bytes_s * seconds:
                        raise _Cut(f"the server sends less than {self.limits.stall_bytes_s:.0f} bytes a second")
                    window, since = done, time.monotonic()
        if done > ceiling:
            self.drop()
            raise InputRejected(f"{self.url}: sends more than the {ceiling:,} bytes it may have; nothing was kept")
        if total is not None and done < total:
            raise _Cut(f"the connection ended after {done:,} of {total:,} bytes")

    def _answer(self, error: urllib.error.HTTPError) -> None:
        if error.code == NO_CONTINUATION:
            self.drop()
            raise _Cut("the server could not continue the file") from error
        if error.code in PASSING:
            raise _Cut(f"the server answered {error.code} {error.reason}") from error
        reason = str(error.reason).strip().split("\n")[0]
        raise Unreachable(f"the server answered {error.code} {reason}") from error


def note_of(partial: Path) -> Path:
    """Where it stands which version of a file the partial bytes are of."""
    return partial.with_name(partial.name + ".json")


def read_note(note: Path) -> dict[str, str]:
    """The note as it was written, empty where it cannot be read."""
    try:
        content = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def drop_partial(partial: Path) -> None:
    """Forget an unfinished transfer."""
    partial.unlink(missing_ok=True)
    note_of(partial).unlink(missing_ok=True)
