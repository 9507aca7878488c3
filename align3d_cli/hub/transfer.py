"""One file over HTTP into a partial file: goes on where it was cut, never beyond its declared size."""

import http.client
import json
import re
import shutil
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from align3d_cli.errors import EnvironmentMissing, InputRejected
from align3d_cli.hub.connection import Watch, open_url

CHUNK = 1 << 20
PASSING = (408, 425, 429, 500, 502, 503, 504)  # what a server may answer differently a little later
NO_CONTINUATION = 416  # range not satisfiable: the file there is shorter or another
PART = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)")  # Content-Range of a part of the file


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


class _NoConnection(_Cut):
    """The server never answered."""


@contextmanager
def own_files(folder: Path) -> Iterator[None]:
    """Errors of our own disk as EnvironmentMissing; what goes wrong on the net never comes here as an OSError."""
    try:
        yield
    except OSError as error:
        told = f"{folder}: cannot be used ({error.strerror or error})"
        raise EnvironmentMissing(f"{told}; make room there or set ALIGN3D_CACHE") from error


def download(
    url: str,
    partial: Path,
    *,
    limits: Limits | None = None,
    n_bytes: int | None = None,
    verifiable: bool = False,
    advance: Callable[[int, int | None], None] = lambda done, total: None,
) -> bool:
    """Bring the whole file to `partial`, from where an earlier call or attempt was cut; returns whether it was.

    n_bytes:    its size where that is known beforehand
    verifiable: the caller knows the file's hash; then an unknown size and a continuation without ETag are fine
    advance:    called with the bytes there are and the bytes there will be (None while unknown)
    Raises Unreachable, EnvironmentMissing (disk full) and InputRejected (too large, not what was announced).
    """
    limits = limits or Limits()
    job = _Job(url, partial, limits, n_bytes, verifiable, advance)
    idle, first, continued = 0, True, False
    while True:
        before = job.held()
        try:
            with own_files(partial.parent):
                continued |= bool(before)
                job.attempt()
                return continued
        except _Cut as cut:
            if first and isinstance(cut, _NoConnection):
                raise Unreachable(str(cut)) from cut
            first = False
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
        with Watch(self.limits.stall_s, self.limits.stall_bytes_s) as watch:
            response = self._open(headers, watch)
            if response is None:
                return
            with response:
                start = start if headers and self._continues(response, start) else 0
                total = self._total(response, start)
                self._keep_note(response)
                self._receive(response, start, total, watch)

    def _open(self, headers: dict[str, str], watch: Watch) -> http.client.HTTPResponse | None:
        """The server's answer, None where it says that nothing is left to send."""
        try:
            return open_url(self.url, watch, headers, timeout_s=self.limits.timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                return self._answer(error)
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
            raise _NoConnection(watch.ended or _one_line(getattr(error, "reason", None) or error)) from error
        except ValueError as error:  # an address to be sent to that is none
            raise Unreachable(f"the server redirects to no address ({_one_line(error)})") from error

    def _continuation(self) -> dict[str, str]:
        """Headers that ask for the rest, empty to begin anew: only bytes known to be of this very file are kept."""
        etag = self._etag()
        if not self.held() or not (etag or self.verifiable):
            return {}
        return {"Range": f"bytes={self.held()}-"} | ({"If-Range": etag} if etag else {})

    def _etag(self) -> str | None:
        """Of the version that the partial bytes are of, where that is known."""
        note = read_note(self.note)
        return note.get("etag") if note.get("url") == self.url else None

    def _continues(self, response: http.client.HTTPResponse, start: int) -> bool:
        """Whether the answer is the rest that was asked for, not the whole file again."""
        if response.status != 206:
            return False
        part, etag = _part(response), self._etag()
        if part is None or int(part[1]) != start:
            self.drop()
            raise _Cut("the server sent another part of the file than asked for")
        if etag and response.headers.get("ETag", etag) != etag:
            self.drop()
            raise _Cut("the server sent a part of another version of the file")
        return True

    def _total(self, response: http.client.HTTPResponse, start: int) -> int | None:
        """Bytes the whole file will have, checked against limits and disk before any is read."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise InputRejected(f"{self.url}: the server packs the file; fetch it by hand")
        if response.status not in (200, 206) or (response.status == 206 and not start):
            raise InputRejected(f"{self.url}: the server answered {response.status} instead of the file")
        if response.headers.get_content_type() == "text/html":
            raise InputRejected(f"{self.url}: the server answered with a web page instead of the file")
        length = number(response.headers.get("Content-Length"))
        total = None if length is None else start + length
        if start and (part := _part(response)):
            total = number(part[2]) or total  # what is sent may be less than all the rest
        if total == 0:
            raise InputRejected(f"{self.url}: the server sends an empty file")
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

    def _receive(self, response: http.client.HTTPResponse, start: int, total: int | None, watch: Watch) -> None:
        done, ceiling = start, self.limits.max_bytes if total is None else total
        with open(self.partial, "ab" if start else "wb") as file:
            for chunk in _chunks(response):
                done += len(chunk)
                watch.alive += len(chunk)
                if done > ceiling:
                    break
                file.write(chunk)
                self.advance(done, total)
        if watch.ended:
            raise _Cut(watch.ended)
        if done > ceiling:
            self.drop()
            raise InputRejected(f"{self.url}: sends more than the {ceiling:,} bytes it may have; nothing was kept")
        if total is not None and done < total:
            raise _Cut(f"the connection ended after {done:,} of {total:,} bytes")

    def _answer(self, error: urllib.error.HTTPError) -> None:
        """Nothing for "there is no more than you hold", else an error."""
        if error.code == NO_CONTINUATION:
            if error.headers.get("Content-Range", "").strip() == f"bytes */{self.held()}":
                return
            self.drop()
            raise _Cut("the server could not continue the file") from error
        if error.code in PASSING:
            raise _Cut(f"the server answered {error.code} {error.reason}") from error
        raise Unreachable(f"the server answered {error.code} {_one_line(error.reason)}") from error


def _part(response: http.client.HTTPResponse) -> re.Match[str] | None:
    """First byte and size of the whole file, of an answer that is a part of it."""
    return PART.fullmatch(response.headers.get("Content-Range", "").strip())


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body piece by piece. Raises _Cut where the connection breaks."""
    try:
        while chunk := response.read1(CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(_one_line(error)) from error


def number(text: str | None) -> int | None:
    """The size that a header states, None where it is missing or no size a file can have."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 20 else None


def _one_line(error: object) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


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
