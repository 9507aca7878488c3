"""Where the weights of an open_clip model come from: addresses, hashes and names, nothing fetched."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from align3d_cli.errors import UsageError
from align3d_cli.helpers.manifest import SHA256, WEIGHTS_SUFFIXES

HUB_VARIABLE = "HF_ENDPOINT"  # the hub's own programs read it too
LOOPBACK = ("127.0.0.1", "::1", "localhost")
HUB = "https://huggingface.co"
HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # as open_clip looks for them


@dataclass(frozen=True, slots=True)
class WeightsSource:
    """Where one file of weights comes from.

    url: full address; filename: in our cache; sha256: 64 hex digits, None where nobody has told it
    trust: "published", "given" or "first use", see manifest.Stated; revision: commit of the hub's repository
    repository, files: of the hub, while the address still has to be asked for
    """

    url: str
    filename: str
    sha256: str | None = None
    trust: str = "first use"
    revision: str | None = None
    repository: str | None = None
    files: tuple[str, ...] = ()


def hub_address() -> str:
    """Where the hub answers: HF_ENDPOINT, as for the hub's own programs, else its public address."""
    return os.environ.get(HUB_VARIABLE, HUB).rstrip("/")


def published_sha256(url: str) -> str | None:
    """OpenAI's addresses carry the SHA-256 of the file as a folder."""
    digest = url.split("/")[-2] if "openaipublic" in url else ""
    return digest if SHA256.fullmatch(digest) else None


def source_of(
    name: str,
    tag: str,
    tag_config: dict[str, Any],
    *,
    url: str | None = None,
    hub: bool = False,
    revision: str | None = None,
    sha256: str | None = None,
) -> WeightsSource:
    """Where the weights of an open_clip model come from.

    tag_config: open_clip's pretrained cfg; url: another address of the same file; hub: not from OpenAI's address
    revision:   commit or tag of the hub's repository; sha256: what the user knows the file to be
    Raises UsageError for addresses and hashes that cannot be meant.
    """
    if sha256 is not None and not SHA256.fullmatch(sha256.lower()):
        raise UsageError(f"--sha256 {sha256}: not a SHA-256; give its 64 hex digits")
    own = tag_config.get("url") or ""
    published = None if hub else published_sha256(own)
    address = url or (own if published else None)
    if address is not None:
        known, trust = (sha256.lower(), "given") if sha256 else (published, "published" if published else "first use")
        check_address(address, verifiable=known is not None)
        suffix = Path(urlsplit(own if published else address).path).suffix
        if suffix not in WEIGHTS_SUFFIXES:
            raise UsageError(f"{address}: does not end like weights ({' '.join(WEIGHTS_SUFFIXES)})")
        return WeightsSource(address, f"{name}.{tag}{suffix}", known, trust)
    repository, _, file = tag_config.get("hf_hub", "").strip("/").rpartition("/")
    if repository.count("/") != 1:  # `owner/name`, no file named
        repository, file = tag_config.get("hf_hub", "").strip("/"), ""
    if not repository:
        raise UsageError(f"{name}: open_clip lists no source of {tag}; give --url and --sha256")
    files = (Path(file).stem + ".safetensors", file) if file else HUB_FILES
    base = hub_address()
    check_address(base, verifiable=sha256 is not None)
    page = f"{base}/{repository}/resolve/{revision or 'main'}/{files[0]}"
    known, trust = (sha256.lower(), "given") if sha256 else (None, "first use")
    return WeightsSource(page, f"{name}.{tag}{Path(files[0]).suffix}", known, trust, revision, repository, files)


def by_hand(source: WeightsSource, folder: Path, finding: str) -> str:
    """What to tell a user without a network: the address, the file's name, its hash, the place."""
    name = urlsplit(source.url).path.rsplit("/", 1)[-1]
    known = f" (SHA-256 {source.sha256})" if source.sha256 else " (its SHA-256 is not known beforehand)"
    return f"{finding}; take {name} from {source.url}{known} and put it at {folder / source.filename}"


def check_address(url: str, *, verifiable: bool) -> None:
    """Raise UsageError for an address that is not HTTP, or not encrypted while nothing tells a forged file."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not re.search(r"\s", url)
    except ValueError:  # brackets or a port that are none
        whole = False
    if not whole:
        raise UsageError(f"{url}: not an address to fetch from; give one with https://")
    if not verifiable and not is_protected(url):
        raise UsageError(f"{url}: not encrypted, and no hash of the file is known; use https or give --sha256")


def is_protected(url: str) -> bool:
    """Whether nobody on the way can change what comes: encrypted, or from this very machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK
