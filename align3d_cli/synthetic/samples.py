"""From a seed to a labelled scan, and whole lists of them.

The same seed with `kind="good"` gives the good twin: the same part, view and noise without the defect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.synthetic.defects import KINDS
from align3d_cli.synthetic.families import HELD_OUT_FAMILIES, TRAIN_FAMILIES
from align3d_cli.synthetic.meshes import mesh_sources
from align3d_cli.synthetic.scene import STREAMS, full_scan, organised_scan, source_name

__all__ = ["SyntheticSample", "make_sample", "mesh_sources", "synthetic_samples"]

MODES = ("full", "organised")
MAIN_KINDS = ("bump", "dent", "cut", "hole", "rough", "scratch")


@dataclass(frozen=True, slots=True)
class SyntheticSample:
    """scan: cloud and labels; family: or the mesh's name; kind: "good" or a defect; mode: "full" or "organised"."""

    scan: LabelledCloud
    family: str
    kind: str
    mode: str

    @property
    def cloud(self) -> PointCloud:
        """The scan without its labels."""
        return self.scan.cloud

    @property
    def defect(self) -> np.ndarray:
        """(N,) bool."""
        return self.scan.defect


def make_sample(
    seed: int | np.random.SeedSequence,
    *,
    kind: str | None = None,
    source: str | Path | Sequence[str | Path] | None = None,
    mode: str | None = None,
    n_points: int | None = None,
) -> SyntheticSample:
    """One labelled scan.

    kind:     "good", one of KINDS, or None: half are good, the rest has any defect
    source:   a family, a mesh file, or several of these to draw one from; None for the training families
    mode:     "full" (all sides, unordered) or "organised" (one depth camera, NaN where nothing); None draws one
    n_points: of a full scan, about that many valid pixels of an organised one; None draws 25 000 .. 60 000
    """
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    fresh = np.random.SeedSequence(root.entropy, spawn_key=root.spawn_key)  # spawning counts up; ours starts anew
    rngs = dict(zip(STREAMS, map(np.random.default_rng, fresh.spawn(len(STREAMS))), strict=True))
    drawn = _choose(rngs["choice"], source)
    kind, mode, n_points = kind or drawn.kind, mode or drawn.mode, n_points or drawn.n_points
    make = organised_scan if mode == "organised" else full_scan
    cloud, defect = make(drawn.source, kind, n_points, rngs)
    if kind != "good" and not defect.any():
        kind = "good"  # the defect lies where the scanner does not see it
    return SyntheticSample(LabelledCloud(cloud, defect), source_name(drawn.source), kind, mode)


@dataclass(frozen=True, slots=True)
class _Choice:
    source: str | Path
    kind: str
    mode: str
    n_points: int


def _choose(rng: np.random.Generator, source) -> _Choice:
    options = TRAIN_FAMILIES if source is None else (source,) if isinstance(source, str | Path) else tuple(source)
    place, good, which, mode, size = rng.random(5)
    kinds = MAIN_KINDS if rng.random() < 0.85 else KINDS
    return _Choice(
        options[int(place * len(options))],
        "good" if good < 0.5 else kinds[int(which * len(kinds))],
        "organised" if mode < 0.65 else "full",
        int(25_000 * (60 / 25) ** size),
    )


def synthetic_samples(
    n: int,
    seed: int = 0,
    *,
    families: Sequence[str | Path] | None = None,
    held_out: bool = False,
    kind: str | None = None,
    mode: str | None = None,
    n_points: int | None = None,
) -> list[Sample]:
    """n samples made when loaded, the same for the same arguments; families take turns, every other one is good.

    families: names or mesh files; None for the training families, or for the held-out ones with held_out=True
    """
    sources = tuple(families) if families is not None else HELD_OUT_FAMILIES if held_out else TRAIN_FAMILIES
    return [_sample(i, seed, sources, kind, mode, n_points) for i in range(n)]


def planned(i: int, sources: Sequence[str | Path]) -> tuple[str, str]:
    """Category and kind of the i-th sample of a list: sources take turns, every other sample of each is good."""
    turn, which = divmod(i, len(sources))
    kind = "good" if (turn + which) % 2 == 0 else MAIN_KINDS[(turn // 2 + which) % len(MAIN_KINDS)]
    return source_name(sources[which]), kind


def paired(i: int, sources: Sequence[str | Path]) -> tuple[str, str]:
    """Category and kind of the defective scan of the i-th pair: sources take turns, and so do the kinds of each."""
    turn, which = divmod(i, len(sources))
    return source_name(sources[which]), MAIN_KINDS[(turn + which) % len(MAIN_KINDS)]


def sample_at(
    i: int, seed: int, sources: Sequence[str | Path], *, kind=None, mode=None, n_points=None
) -> LabelledCloud:
    """The i-th scan of a list (see synthetic_samples), the kind being the planned one unless another is given."""
    root = np.random.SeedSequence(seed, spawn_key=(i,))
    kind = kind or planned(i, sources)[1]
    return make_sample(root, kind=kind, source=sources[i % len(sources)], mode=mode, n_points=n_points).scan


def _sample(i: int, seed: int, sources: Sequence, kind: str | None, mode: str | None, n_points: int | None) -> Sample:
    category, drawn = planned(i, sources)
    kind = kind or drawn
    split = "test" if sources[i % len(sources)] in HELD_OUT_FAMILIES else "train"
    load = partial(sample_at, i, seed, sources, kind=kind, mode=mode, n_points=n_points)
    return Sample(f"{category}/{kind}/{i:05d}", category, split, kind, load)
