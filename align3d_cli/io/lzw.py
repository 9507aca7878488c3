"""LZW as TIFF 6.0 section 13 defines it: codes of 9 to 12 bits, most significant bit first."""

import numpy as np

CLEAR, END, FIRST_FREE = 256, 257, 258
SINGLES = [bytes([i]) for i in range(256)] + [b"", b""]
# How wide the codes after a clear are: the table is one entry ahead of the decoder ("early change")
WIDTHS = np.repeat([9, 10, 11, 12], [511 - FIRST_FREE + 1, 512, 1024, 2049])
ENDS = np.cumsum(WIDTHS)


def lzw_decompress(data: bytes, limit: int) -> bytes:
    """Decompress until the end code, the end of the data, or `limit` bytes. Raises ValueError for damaged data."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    pieces, size, at = [], 0, 0
    while size < limit and at + WIDTHS[0] <= len(bits):
        codes, at, ended = _codes_until_clear(bits, at)
        piece = _expand(codes, limit - size)
        pieces.append(piece)
        size += len(piece)
        if ended:
            break
    return b"".join(pieces)[:limit]


def _codes_until_clear(bits: np.ndarray, at: int) -> tuple[list[int], int, bool]:
    """The codes from bit `at` up to the next clear or end code, the bit behind that, and whether it was the end."""
    known = int(np.searchsorted(ENDS, len(bits) - at, side="right"))
    widths, ends = WIDTHS[:known], at + ENDS[:known]
    codes = np.zeros(known, np.int64)
    for width in range(9, 13):
        of_width = np.flatnonzero(widths == width)
        if len(of_width):
            first = ends[of_width[0]] - width
            block = bits[first : first + width * len(of_width)].reshape(-1, width)
            codes[of_width] = block @ (1 << np.arange(width - 1, -1, -1))
    stops = np.flatnonzero((codes == CLEAR) | (codes == END))
    if not len(stops):
        return codes.tolist(), int(ends[-1]), True
    stop = int(stops[0])
    return codes[:stop].tolist(), int(ends[stop]), codes[stop] == END


def _expand(codes: list[int], limit: int) -> bytes:
    """The strings of the codes between two clears, up to `limit` bytes or little more."""
    if not codes:
        return b""
    if codes[0] >= CLEAR:
        raise ValueError("LZW data begins with a string not yet known")
    table, last = SINGLES.copy(), SINGLES[codes[0]]
    out, size = [last], len(last)
    for code in codes[1:]:
        if code < len(table):
            entry = table[code]
        elif code == len(table):
            entry = last + last[:1]
        else:
            raise ValueError("LZW data uses a string not yet known")
        table.append(last + entry[:1])
        out.append(entry)
        size += len(entry)
        if size >= limit:
            break
        last = entry
    return b"".join(out)
