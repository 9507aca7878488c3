"""Where bytes come from, and the budgets a header has to meet before its bytes are read."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import digest_of_bytes

POINT_LIMIT = 50_000_000  # 1.2 GB as float64 xyz; an organised scan of 7000 x 7000 still fits
INFLATED_FREELY = 64_000_000  # bytes; decoding this much is harmless whatever the file is
EXPANSION_LIMIT = 250  # decoded : stored beyond that size; scans reach 2, nearly empty ones 100, bombs 1000


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes, read once, as a seekable stream of `size` bytes; what messages call it; their SHA-256 in hex."""

    name: str
    path: Path | None
    stream: BinaryIO
    size: int
    sha256: str = ""

    def reject(self, finding: str, step: str) -> InputRejected:
        """The error `name: finding; step`, to be raised by the caller."""
        return InputRejected(f"{self.name}: {finding}; {step}")

    @property
    def left(self) -> int:
        """Bytes from the current position to the end."""
        return self.size - self.stream.tell()

    def read(self) -> bytes:
        """Everything from the current position to the end."""
        return self.stream.read(self.size - self.stream.tell())

    def head(self, n: int) -> bytes:
        """The first n bytes (fewer when there are fewer); the position goes back to 0."""
        self.stream.seek(0)
        data = self.stream.read(n)
        self.stream.seek(0)
        return data


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the caller knows and the file does not say; see `read_scan`."""

    focal_px: float | None = None
    columns: str | None = None
    samples: int = 200_000
    seed: int = 0
    keep_marks: bool = False
    unit: str | None = None


def stdin_bytes() -> bytes:
    """All of standard input. Raises InputRejected when it is closed."""
    if sys.stdin is None:
        raise InputRejected("standard input: is closed; pipe a scan into it or name a file")
    return sys.stdin.buffer.read()


@contextmanager
def open_source(path: str | Path) -> Iterator[Source]:
    """Open a file, or standard input for "-". Raises InputRejected when there is nothing to read."""
    if str(path) == "-":
        data = stdin_bytes()
        yield _source("standard input", None, data)
        return
    path = Path(path)
    if os.path.exists(path) and not (
        os.path.isfile(path) or os.path.isdir(path)
    ):  # opening a pipe would wait for its writer
        raise InputRejected(
            f"{path}: is a pipe or a device, not a file; pass - instead and name its format with --input-format"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputRejected(f"{path}: {_why(error)}; check the path") from error
    except MemoryError as error:
        raise InputRejected(f"{path}: does not fit into memory; thin it or use a larger machine") from error
    yield _source(str(path), path, data)


def _why(error: OSError) -> str:
    known = {FileNotFoundError: "no such file", IsADirectoryError: "is a folder, not a scan"}
    return known.get(type(error), f"cannot be opened ({error.strerror})")


def _source(name: str, path: Path | None, data: bytes) -> Source:
    source = Source(name, path, io.BytesIO(data), len(data), digest_of_bytes(data))
    if not data:
        raise source.reject("the file is empty", "export it again")
    return source


def check_count(source: Source, count: int, row_bytes: float, *, what: str = "points") -> None:
    """Refuse a declared count that is past the limit or that the rest of the file cannot hold.

    row_bytes: the fewest bytes one item can take in the file, from the current position on
    """
    if count < 0:
        raise source.reject(f"header promises {count} {what}", "export it again")
    if count * row_bytes > source.left + 1:  # the last line of a text file may lack its newline
        finding = f"header promises {count} {what}, the {source.left} bytes behind it cannot hold them"
        raise source.reject(finding, "it is cut off or damaged, export it again")
    if count > POINT_LIMIT:
        raise source.reject(
            f"header promises {count} {what}, more than the {POINT_LIMIT} one scan may have", "cut or thin it"
        )


def check_expansion(source: Source, stored: int, decoded: int) -> None:
    """Refuse data that would decode to far more than any scan compresses by.

    stored, decoded: bytes before and after decompression, as the header states them
    """
    if decoded > INFLATED_FREELY and decoded > EXPANSION_LIMIT * max(stored, 1):
        finding = f"declares {decoded / 1e6:.0f} MB in {stored / 1e6:.3f} MB, far more than a scan compresses by"
        raise source.reject(finding, "if it is a scan, export it without compression")
