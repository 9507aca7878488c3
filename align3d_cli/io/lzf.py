"""LZF, the compression inside binary_compressed PCD files (format as in Marc Lehmann's liblzf)."""

LITERALS = 32  # control bytes below this announce control + 1 plain bytes; the others a copy of earlier output


def lzf_decompress(data: bytes, size: int) -> bytes:
    """Decompress to exactly `size` bytes. Raises ValueError when the data gives fewer or more.

    A control byte c < 32 is followed by c + 1 bytes to take over. Otherwise its upper three bits (or, when
    they are all set, one more byte) hold the length - 2 and the rest, with the next byte, the distance - 1 of a copy.
    """
    out = bytearray()
    at, end = 0, len(data)
    try:
        while at < end:
            control = data[at]
            at += 1
            if control < LITERALS:
                out += data[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[at]
                at += 1
            start = len(out) - ((control & 31) << 8) - data[at] - 1
            at += 1
            _copy(out, start, length + 2)
            if len(out) > size:
                break
    except IndexError as error:
        raise ValueError("the compressed data ends within a copy") from error
    if len(out) != size or at != end:
        raise ValueError(f"{len(out)} bytes come out of the compressed data, {size} were promised")
    return bytes(out)


def _copy(out: bytearray, start: int, length: int) -> None:
    """Append `length` bytes beginning at `start`; a copy that runs into itself repeats."""
    if start < 0:
        raise ValueError("a copy from before the beginning")
    piece = out[start : start + length]
    if len(piece) < length:
        piece = (piece * (length // len(piece) + 1))[:length]
    out += piece
