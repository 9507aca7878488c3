"""One file of weights into a folder: the hub's through huggingface_hub, any other address through requests.

Neither is trusted with what came: the caller hashes the file before anything reads it.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import requests
from requests import exceptions as failures
from requests.adapters import HTTPAdapter, Retry

from align3d_cli import __version__
from align3d_cli.encoders.sources import WeightsSource, hub_address, is_protected
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.manifest import SHA256

TIMEOUT_S = 30.0  # without a byte
CHUNK = 1 << 20  # bytes; a step of the progress bar
PASSING = (408, 425, 429, 500, 502, 503, 504)  # what a server may answer differently a little later
Advance = Callable[[int, int | None], None]


class Unreachable(Exception):
    """The server could not be reached, refuses, or broke off."""


def from_address(source: WeightsSource, folder: Path, max_bytes: int, advance: Advance) -> tuple[WeightsSource, Path]:
    """The file of a plain address in `folder`, from its beginning; returns the source as it is and the file.

    advance: called with the bytes there are and the bytes there will be (None while unknown)
    Raises Unreachable, InputRejected (too large, no file, sent through the open with no hash known), OSError (disk).
    """
    target, done = folder / source.filename, 0
    try:
        with _session() as session, session.get(source.url, stream=True, timeout=TIMEOUT_S) as response:
            total = _announced(response, source, max_bytes)
            with target.open("wb") as file:
                for chunk in response.iter_content(CHUNK):
                    done += file.write(chunk)
                    if done > (total or max_bytes):
                        finding = f"sends more than the {total or max_bytes:,} bytes it may have"
                        raise InputRejected(f"{source.url}: {finding}; give another address")
                    advance(done, total)
    except (failures.RequestException, ValueError) as error:  # ValueError: sent on to an address that is none
        raise Unreachable(_why(error)) from error
    if done < (total or 1):
        raise Unreachable(f"the connection ended after {done:,} of {total or 'unknown many'} bytes")
    return source, target


def _session() -> requests.Session:
    """Asks servers that are in trouble again; opens http and https alone."""
    session = requests.Session()
    again = Retry(2, connect=0, backoff_factor=0.2, status_forcelist=PASSING, raise_on_status=False)
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=again))
    session.headers.update({"User-Agent": f"align3d/{__version__}", "Accept-Encoding": "identity"})
    return session


def _announced(response: requests.Response, source: WeightsSource, max_bytes: int) -> int | None:
    """Bytes the file will have, None where the server does not tell and a known hash makes up for it."""
    url = source.url
    if response.status_code != 200:
        raise Unreachable(f"the server answered {response.status_code}")
    if source.sha256 is None and not all(is_protected(hop.url) for hop in [*response.history, response]):
        raise InputRejected(f"{url}: redirects to {response.url}, which is not encrypted; give --sha256 to check it by")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise InputRejected(f"{url}: the server answered with a web page instead of the file; give another address")
    told = response.headers.get("Content-Length", "")
    total = int(told) if told.isascii() and told.isdigit() and len(told) < 20 else None  # longer is no size
    if total == 0:
        raise InputRejected(f"{url}: the server sends an empty file; give another address")
    if total is None and source.sha256 is None:
        raise InputRejected(f"{url}: the server does not tell the file's size; give --sha256 to check it by")
    if total is not None and total > max_bytes:
        raise InputRejected(f"{url}: {total:,} bytes, more than the limit of {max_bytes:,}; give another address")
    return total


def _why(error: Exception) -> str:
    """The failure in words of ours: those of the libraries span lines and name their classes."""
    words = (
        (failures.SSLError, "the server's certificate is not accepted"),
        (failures.Timeout, f"the server sent nothing for {TIMEOUT_S:.0f} s"),
        (failures.TooManyRedirects, "the server redirects in circles"),
        (failures.ChunkedEncodingError, "the connection ended before the file did"),
        (failures.ConnectionError, "the server cannot be reached"),
    )
    return next((said for kind, said in words if isinstance(error, kind)), "the server redirects to no web address")


def from_hub(source: WeightsSource, folder: Path, max_bytes: int) -> tuple[WeightsSource, Path]:
    """The file of a hub's repository in `folder`, going on with what an earlier call left there; shows its own bar.

    Returns the source pinned to the commit and to the hash that the hub states, and the file.
    Raises Unreachable, InputRejected (too large, or another file than --sha256 says) and OSError (disk).
    """
    from huggingface_hub import hf_hub_download

    source, file = _pinned(source, max_bytes)
    try:
        path = hf_hub_download(
            source.repository or "", file, revision=source.revision, endpoint=hub_address(), local_dir=folder,
            library_name="align3d", library_version=__version__,
        )  # fmt: skip
    except Exception as error:  # each line of huggingface_hub lets the errors of another HTTP library through
        if isinstance(error, OSError) and error.errno:
            raise  # of the disk
        raise Unreachable(f"{source.url}: {_hub_said(error)}") from error
    return source, Path(path)


def _pinned(source: WeightsSource, max_bytes: int) -> tuple[WeightsSource, str]:
    """The source as the hub has it now, and its first file that is there: asked for by name, then held to."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    refused = f"{source.url}: names no file"
    for file in source.files:
        url = hf_hub_url(source.repository or "", file, revision=source.revision, endpoint=hub_address())
        try:
            found = get_hf_file_metadata(url, timeout=TIMEOUT_S, endpoint=hub_address())
        except HfHubHTTPError as error:
            refused = f"{url}: {_hub_said(error)}"
            continue
        except Exception as error:  # as above
            raise Unreachable(f"{url}: {_hub_said(error)}") from error
        if found.commit_hash is None:
            raise Unreachable(f"{url}: the server is no model hub, see HF_ENDPOINT")
        if (size := found.size or 0) > max_bytes:
            raise InputRejected(f"{url}: {size:,} bytes, more than the limit of {max_bytes:,}; name another model")
        return _held(source, file, found.commit_hash, found.etag or "", found.location or url), file
    raise Unreachable(refused)


def _held(source: WeightsSource, file: str, commit: str, etag: str, location: str) -> WeightsSource:
    stated = etag if SHA256.fullmatch(etag) else None
    if stated and source.sha256 not in (None, stated):
        raise InputRejected(f"{source.url}: the hub has SHA-256 {stated}, not {source.sha256}; another --revision?")
    known = source.sha256 or stated
    if known is None and not is_protected(location):
        raise InputRejected(f"{location}: not encrypted, and the hub states no hash; give --sha256 to check it by")
    name = Path(source.filename).with_suffix("").name + Path(file).suffix
    return replace(source, filename=name, sha256=known, revision=commit)


def _hub_said(error: Exception) -> str:
    response = getattr(error, "response", None)
    return "the hub cannot be reached" if response is None else f"the hub answered {response.status_code}"
