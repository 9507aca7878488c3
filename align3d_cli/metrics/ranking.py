"""Scores put in order once; every metric of a data set is a sum over this order."""

from dataclasses import dataclass, field

import numpy as np

EXACT_POINTS = 40_000_000  # normal points a pool keeps as they are: 160 MB of float32, about 2 GB while they are ranked
UNKNOWN = "NaN among the scores; decide what an unscored item counts before ranking"
KEPT_BITS = 24  # of a float32 once a pool is over its limit: scores agree to 1 part in 32 768, the histogram is 134 MB


@dataclass(frozen=True, slots=True)
class Ranking:
    """What lies at each distinct score, from the highest score to the lowest.

    score:     (K,) float, strictly falling
    normal:    (K,) int64, normal items with this score
    defect:    (K,) int64, defective items with this score
    overlap:   (K,) float64, sum over those defective items of 1 / (items of their region); 0 without regions
    n_regions: connected defect regions behind `overlap`
    """

    score: np.ndarray
    normal: np.ndarray
    defect: np.ndarray
    overlap: np.ndarray
    n_regions: int

    @property
    def n_normal(self) -> int:
        """How many are normal."""
        return int(self.normal.sum())

    @property
    def n_defect(self) -> int:
        """How many are defective."""
        return int(self.defect.sum())


def rank(defect: np.ndarray, scores: np.ndarray, region: np.ndarray | None = None) -> Ranking:
    """Put one set of items in order.

    defect: (N,) bool
    scores: (N,) float, higher is more anomalous; -inf is allowed, NaN is a ValueError (unknown is not a score)
    region: (N,) int, number of the defect region an item belongs to, 0 for none; or None
    """
    defect, scores = np.asarray(defect, bool).ravel(), np.asarray(scores).ravel()
    if defect.shape != scores.shape:
        raise ValueError(f"{defect.size} labels for {scores.size} scores")
    if np.isnan(scores).any():
        raise ValueError(UNKNOWN)
    region = np.zeros(len(defect), int) if region is None else np.asarray(region).ravel()
    overlap, n_regions = region_shares(region[defect])
    normal, count = _distinct(scores[~defect])
    return _merge(normal, count, scores[defect], overlap, n_regions)


@dataclass(frozen=True, slots=True)
class Items:
    """The scored items of one sample, apart by their label, as a pool keeps them.

    normal:    (A,) float32, scores of the normal items
    defect:    (D,) float32, scores of the defective ones
    overlap:   (D,) float64, 1 / (items of the region) of each defective one, 0 outside regions
    n_regions: among the defective ones
    """

    normal: np.ndarray = field(repr=False)
    defect: np.ndarray = field(repr=False)
    overlap: np.ndarray = field(repr=False)
    n_regions: int


def items_of(defect: np.ndarray, scores: np.ndarray, region: np.ndarray) -> Items:
    """Part one sample by its labels: (N,) bool, (N,) float, (N,) int region numbers (0 = none), counted per sample.

    NaN among the scores is a ValueError (unknown is not a score); what is beyond float32 is as high as infinity.
    """
    with np.errstate(over="ignore"):
        scores = np.asarray(scores, np.float32)
    if np.isnan(scores).any():
        raise ValueError(UNKNOWN)
    return Items(scores[~defect], scores[defect], *region_shares(region[defect]))


def region_shares(region: np.ndarray) -> tuple[np.ndarray, int]:
    """(D,) region numbers of the defective items -> (D,) float64 1 / size of each item's region, number of regions."""
    sizes = np.bincount(region)
    shares = np.divide(1.0, sizes, out=np.zeros(len(sizes)), where=sizes > 0)
    shares[:1] = 0.0  # number 0: defective, but in no region
    return shares[region], int(np.count_nonzero(sizes[1:]))


class Pool:
    """Points of many samples, ranked together; memory stays bounded however many there are.

    Scores are held as float32. Above `exact_points` normal points the scores are rounded to `KEPT_BITS` leading bits
    and the normal points counted in a histogram, so that a tie may be seen where there was a difference of 1 in 32 768.
    """

    def __init__(self, exact_points: int = EXACT_POINTS) -> None:
        self._exact_points = exact_points
        self._normal: list[np.ndarray] = []
        self._defect: list[np.ndarray] = []
        self._overlap: list[np.ndarray] = []
        self._histogram: np.ndarray | None = None
        self._held = 0
        self._n_regions = 0

    @property
    def exact(self) -> bool:
        """False once scores were rounded to keep within memory."""
        return self._histogram is None

    def add(self, items: Items) -> None:
        """Add one sample; its arrays are held, not copied."""
        self._n_regions += items.n_regions
        self._defect.append(items.defect)
        self._overlap.append(items.overlap)
        self._normal.append(items.normal)
        self._held += len(items.normal)
        if self._held > self._exact_points:
            self._spill()

    def _spill(self) -> None:
        """Move the normal scores held so far into the histogram."""
        if self._histogram is None:
            self._histogram = np.zeros(1 << KEPT_BITS, np.int64)
        for scores in self._normal:
            keys, count = np.unique(_keys(scores), return_counts=True)
            self._histogram[keys] += count
        self._normal, self._held = [], 0

    def ranking(self) -> Ranking:
        """Everything added so far, in order."""
        empty = np.empty(0, np.float32)
        defect = np.concatenate([empty, *self._defect])
        overlap = np.concatenate([np.empty(0), *self._overlap])
        if self._histogram is None:
            normal, count = _distinct(np.concatenate([empty, *self._normal]))
        else:
            self._spill()
            keys = np.flatnonzero(self._histogram)
            normal, count = _scores(keys), self._histogram[keys]
            defect = _scores(_keys(defect))
        return _merge(normal, count, defect, overlap, self._n_regions)


def _distinct(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) scores -> (K,) distinct scores rising, (K,) int64 how often each occurs."""
    scores = np.sort(scores)
    first = np.flatnonzero(np.append(True, scores[1:] != scores[:-1])[: len(scores)])
    return scores[first], np.diff(first, append=len(scores))


def _merge(normal: np.ndarray, count: np.ndarray, defect: np.ndarray, overlap: np.ndarray, n_regions: int) -> Ranking:
    """Distinct normal scores with their counts and single defective ones -> one falling order."""
    found, where = np.unique(defect, return_inverse=True)
    score = np.union1d(normal, found)
    at_normal, at_defect = np.searchsorted(score, normal), np.searchsorted(score, found)
    normal_here, defect_here = np.zeros(len(score), np.int64), np.zeros(len(score), np.int64)
    overlap_here = np.zeros(len(score))
    normal_here[at_normal] = count
    defect_here[at_defect] = np.bincount(where, minlength=len(found))
    overlap_here[at_defect] = np.bincount(where, weights=overlap, minlength=len(found))
    return Ranking(score[::-1], normal_here[::-1], defect_here[::-1], overlap_here[::-1], n_regions)


def _keys(scores: np.ndarray) -> np.ndarray:
    """(N,) float32 -> (N,) uint32 below 2**KEPT_BITS in the same order: leading bits, mirrored for negative scores."""
    bits = (scores + np.float32(0)).view(np.uint32)  # + 0 turns -0.0 into 0.0
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return ordered >> np.uint32(32 - KEPT_BITS)


def _scores(keys: np.ndarray) -> np.ndarray:
    """(N,) keys -> (N,) float32, the score nearest to zero that has the key (-inf and inf stay what they are)."""
    ordered = keys.astype(np.uint32) << np.uint32(32 - KEPT_BITS)
    dropped = np.uint32((1 << (32 - KEPT_BITS)) - 1)
    bits = np.where(ordered >> 31, ordered & np.uint32(0x7FFFFFFF), ~(ordered | dropped))
    return bits.astype(np.uint32).view(np.float32)
