"""A data set looked through before hours are spent on it: every file is opened, whatever is wrong is named."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.clouds.prepare import check_measured
from align3d_cli.datasets.catalogue import DATA_SETS
from align3d_cli.datasets.registry import find_data, first_balanced
from align3d_cli.datasets.settings import GENERATED
from align3d_cli.errors import InputRejected, UsageError


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. place: the scan or category, by name; said: file, finding, next step."""

    place: str
    said: str


@dataclass(frozen=True, slots=True)
class Checked:
    """n_scans, n_categories: that were opened; findings: in their order, none for a data set as it should be."""

    n_scans: int
    n_categories: int
    findings: list[Finding]


def check_data(
    name: str,
    root: Path | None,
    *,
    categories: Sequence[str] = (),
    limit: int | None = None,
    begin: Callable[[int], None] = lambda scans: None,
    advance: Callable[[], None] = lambda: None,
) -> Checked:
    """Open every scan, its labels and, where some came with it, its views.

    limit: scans a category and split; begin: told how many scans there are; advance: told after each
    Raises UsageError (generated data, no such category) and EnvironmentMissing (data not there).
    """
    if name == GENERATED:
        raise UsageError(f"--check: {GENERATED} scans are made on the spot, there are no files; name a --dataset")
    data_set = DATA_SETS[name]
    folders = find_data(data_set, root)
    if unknown := sorted(set(categories) - folders.keys()):
        raise UsageError(f"no category {', '.join(unknown)} in {name}; there are: {', '.join(sorted(folders))}")
    found, by_category = list[Finding](), dict[str, list[Sample]]()
    for category in categories or sorted(folders):
        try:
            by_category[category] = data_set.samples(category, folders[category])
        except InputRejected as error:
            found.append(Finding(category, str(error)))
    chosen = {category: _limited(samples, limit) for category, samples in by_category.items()}
    begin(sum(map(len, chosen.values())))
    for category, samples in chosen.items():
        found += [Finding(category, said) for said in _lacks(category, by_category[category])]
        for sample in samples:
            found += [Finding(sample.name, said) for said in check_sample(sample)]
            advance()
        told = " ".join(finding.said for finding in found)
        found += [Finding(category, said) for path, said in _empty_files(folders[category]) if str(path) not in told]
    return Checked(sum(map(len, chosen.values())), len(categories or folders), found)


def _limited(samples: list[Sample], limit: int | None) -> list[Sample]:
    if limit is None:
        return samples
    return [s for split in ("train", "test") for s in first_balanced([s for s in samples if s.split == split], limit)]


def check_sample(sample: Sample) -> Iterator[str]:
    """What is wrong with one scan: its file, its labels, its views."""
    try:
        labelled = sample.load()
        check_measured(labelled.cloud)
    except InputRejected as error:
        yield str(error)
        return
    yield from _odd_labels(sample, labelled)
    if sample.given is not None:
        try:
            sample.given(labelled.cloud)
        except InputRejected as error:
            yield str(error)


def _odd_labels(sample: Sample, labelled: LabelledCloud) -> Iterator[str]:
    n_defect, where = int(labelled.defect.sum()), labelled.cloud.path or sample.name
    if sample.anomalous and sample.point_labels and not n_defect:
        yield f"{where}: called {sample.defect}, but none of its points is labelled; restore its label file"
    elif sample.anomalous and n_defect and not (labelled.defect & labelled.cloud.valid).any():
        yield f"{where}: all {n_defect} labelled points are unmeasured; check its label file"
    elif not sample.anomalous and n_defect:
        yield f"{where}: called good, but {n_defect} of its points are labelled as defects; check its label file"


def _lacks(category: str, samples: Sequence[Sample]) -> Iterator[str]:
    """Without good or without defective scans the figures of a category are undefined."""
    tested = {sample.anomalous for sample in samples if sample.split == "test"}
    for anomalous, word in ((False, "good"), (True, "defective")):
        if anomalous not in tested:
            yield f"{category}: no {word} scan to test on; restore the folder, or leave the category out"


def _empty_files(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size == 0 and not path.name.startswith("."):
            yield path, f"{path}: holds nothing (0 bytes); restore it from the data set's archive"
