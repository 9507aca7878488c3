"""Scans that read and hold too little, or something doubtful."""

import numpy as np

from .case import prepared, scan

RNG = np.random.default_rng(0)
BALL = RNG.normal(size=(2000, 3))
BALL /= np.linalg.norm(BALL, axis=1, keepdims=True)
LINE = np.outer(np.arange(100.0), [1, 2, 3])


def rows(xyz: np.ndarray) -> str:
    """A table of the points."""
    return "".join("{:.6g} {:.6g} {:.6g}\n".format(*row) for row in xyz)


def marked(value: str, n: int, axis: int = 2) -> str:
    """The ball, some of whose coordinates are a mark."""
    table = [[f"{v:.6g}" for v in row] for row in BALL.tolist()]
    for row in table[:n]:
        row[axis] = value
    return "".join(" ".join(row) + "\n" for row in table)


CASES = {
    "few points": prepared("a.xyz", rows(BALL[:20])),
    "few measured": prepared("a.xyz", rows(BALL[:20]) + 200 * "nan nan nan\n"),
    "one place": prepared("a.xyz", 100 * "1 2 3\n"),
    "one line": prepared("a.xyz", rows(LINE)),
    "few places": prepared("a.xyz", rows(BALL[:20]) * 9),
    "tiny": prepared("a.xyz", rows(BALL * 1e-13)),
    "all background": prepared("a.xyz", rows(BALL * [9, 9, 0]), background="remove"),
    "no points hang together": prepared("a.xyz", rows(BALL[:60] * np.geomspace(1, 1e9, 60)[:, None])),
    "strays": prepared("a.xyz", rows(np.concatenate([BALL, 30 * BALL[:40] + RNG.normal(size=(40, 3))]))),
    "many strays": prepared("a.xyz", rows(np.concatenate([BALL, 40 * RNG.normal(size=(400, 3))]))),
    "several parts": prepared("a.xyz", rows(np.concatenate([BALL, BALL + 9]))),
    "far mark": scan("a.xyz", marked("-9999", 40)),
    "zeros": scan("a.xyz", rows(np.concatenate([BALL, np.zeros((40, 3))]))),
}
