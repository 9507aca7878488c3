"""Open a data set by name."""

import os
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets.catalogue import AUXILIARY, DATA_SETS, DataSet
from align3d_cli.datasets.settings import GENERATED, NAMES
from align3d_cli.errors import EnvironmentMissing, UsageError

__all__ = ["AUXILIARY", "DATA_SETS", "NAMES", "find_data", "first_balanced", "open_dataset", "require_data"]

ROOT_VARIABLE = "ALIGN3D_DATA"
SYNTHETIC_SCANS = 12  # of each family without --limit: 60 scans, a few minutes on 2 cores


def open_dataset(
    name: str,
    root: Path | str | None = None,
    *,
    categories: Sequence[str] | None = None,
    limit: int | None = None,
    split: str | None = None,
    seed: int = 0,
) -> list[Sample]:
    """The scans of a data set, sorted by category; nothing is read yet but file names (and small label masks).

    root:       of the data set, or a folder that holds it; without one ALIGN3D_DATA
    categories: names to keep, all by default
    limit:      scans per category and split: the first ones, good and defective in equal parts as far as they go
    split:      "train" or "test", both by default
    seed:       of generated data; "synthetic" gives the families held out of training unless told otherwise
    Raises UsageError (unknown name or category) and EnvironmentMissing (data not there, what to get from where).
    """
    if name not in NAMES:
        raise UsageError(f"no data set {name!r}; there are: {', '.join(NAMES)}")
    if split not in (None, "train", "test"):
        raise UsageError(f"no split {split!r}; there are: train, test")
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit} leaves no scan; give 1 or more")
    if name == GENERATED:
        return _synthetic(categories, limit, split, seed)
    data_set = DATA_SETS[name]
    found = find_data(data_set, root)
    chosen = _chosen(name, sorted(found), categories)
    return [s for category in chosen for s in _limited(data_set.samples(category, found[category]), limit, split)]


def require_data(name: str, root: Path | str | None) -> None:
    """Raise EnvironmentMissing where a data set is not there; no file is looked for yet but its category folders."""
    if name in DATA_SETS:
        find_data(DATA_SETS[name], root)


def find_data(data_set: DataSet, root: Path | str | None) -> dict[str, Path]:
    """Category folders of a data set. Raises EnvironmentMissing with what is missing and what it should look like."""
    given = root or os.environ.get(ROOT_VARIABLE)
    if not given:
        raise EnvironmentMissing(_missing(data_set, f"no folder given; use --root or {ROOT_VARIABLE}"))
    base = Path(given).expanduser()
    if not base.is_dir():
        raise EnvironmentMissing(_missing(data_set, f"{base}: no such folder"))
    if found := data_set.find(base):
        return found
    raise EnvironmentMissing(_missing(data_set, f"{base}: no category of {data_set.name} in it"))


def _missing(data_set: DataSet, finding: str) -> str:
    if data_set.name == "folder":
        return f"{finding}. Expected:\n{data_set.tree}"
    return (
        f"{finding}. {data_set.name} is not part of this program: download {data_set.source} "
        f"(licence: {data_set.licence}) and unpack it to\n{data_set.tree}"
    )


def _chosen(name: str, there: list[str], wanted: Sequence[str] | None) -> list[str]:
    """The wanted categories, in the order they were asked for."""
    if not wanted:
        return there
    unknown = [category for category in wanted if category not in there]
    if unknown:
        raise UsageError(f"no category {', '.join(unknown)} in {name}; there are: {', '.join(there)}")
    return list(dict.fromkeys(wanted))


def _limited(samples: list[Sample], limit: int | None, split: str | None) -> list[Sample]:
    """Scans of the split, at most `limit` of each, in the order they came."""
    kept = []
    for part in ("train", "test"):
        if split in (None, part):
            of_part = [s for s in samples if s.split == part]
            kept += of_part if limit is None else first_balanced(of_part, limit)
    return kept


def first_balanced(samples: list[Sample], limit: int) -> list[Sample]:
    """The first `limit` scans, half of them good as far as there are, the kinds of defects in turn; order kept."""
    kinds: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.anomalous:
            kinds.setdefault(sample.defect, []).append(sample)
    defective = [s for turn in zip_longest(*kinds.values()) for s in turn if s is not None]
    good = [s for s in samples if not s.anomalous]
    n_defective = min(len(defective), max(limit // 2, limit - len(good)))
    kept = {s.name for s in good[: limit - n_defective] + defective[:n_defective]}
    return [s for s in samples if s.name in kept]


def _synthetic(categories, limit, split, seed) -> list[Sample]:
    """Generated scans: of the held-out families, which no shipped model has seen; of the others for split "train" or
    when they are asked for by name. A scan depends on its seed, family and number, not on what else is asked for.
    """
    from align3d_cli.synthetic import HELD_OUT_FAMILIES, TRAIN_FAMILIES, synthetic_samples

    by_split = {"test": HELD_OUT_FAMILIES, "train": TRAIN_FAMILIES}
    there = by_split.get(split, HELD_OUT_FAMILIES + TRAIN_FAMILIES)
    chosen = _chosen(GENERATED, sorted(there), categories or by_split[split or "test"])
    samples = []
    for families in by_split.values():
        if set(families) & set(chosen):
            samples += synthetic_samples((limit or SYNTHETIC_SCANS) * len(families), seed, families=families)
    return [s for category in chosen for s in samples if s.category == category]
