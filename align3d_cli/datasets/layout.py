"""Finding one's way in a data set's folders: categories, label files, kinds of defects."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

MISSPELT = {"crak": "crack"}  # Anomaly-ShapeNet writes both
NO_KIND = {
    "cut",
    "copy",
    "template",
    "prototype",
}  # parts of file names that say how a scan was made, not what is wrong


def natural(path: Path) -> tuple:
    """Sort key that puts 2 before 10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name) if part)


CAD_STEMS = ("reference", "nominal")  # of a file in a category's folder: its CAD model, no scan of a part


def child(folder: Path, *names: str) -> Path | None:
    """The first sub-folder with one of these names, in any case (`gt`, `GT`); None when there is none."""
    if not folder.is_dir():
        return None
    found = {entry.name.lower(): entry for entry in folder.iterdir() if entry.is_dir()}
    return next((found[name.lower()] for name in names if name.lower() in found), None)


def files(folder: Path | None, *suffixes: str) -> list[Path]:
    """Files with one of these suffixes (lower case, with dot), hidden ones left out, in natural order."""
    if folder is None or not folder.is_dir():
        return []
    found = [f for f in folder.iterdir() if f.suffix.lower() in suffixes and f.is_file() and not f.name.startswith(".")]
    return sorted(found, key=natural)


def folders(folder: Path | None) -> list[Path]:
    """Sub-folders, hidden ones left out, in natural order."""
    if folder is None or not folder.is_dir():
        return []
    return sorted((f for f in folder.iterdir() if f.is_dir() and not f.name.startswith(".")), key=natural)


def find_categories(root: Path, below: Iterable[str], is_category: Callable[[Path], bool]) -> dict[str, Path]:
    """Category folders directly under `root`, or under the first of root's sub-folders `below` that holds any, or root.

    below: relative paths such as "dataset/pcd", where the archives of a data set put their categories
    """
    for base in (root, *(root / part for part in below)):
        found = {f.name: f for f in folders(base) if is_category(f)}
        if found:
            return found
    return {root.resolve().name: root} if is_category(root) else {}


def same_stem(folder: Path | None, stem: str, *suffixes: str) -> Path | None:
    """The file of this stem with the first of the suffixes that exists."""
    if folder is None:
        return None
    return next((folder / f"{stem}{suffix}" for suffix in suffixes if (folder / f"{stem}{suffix}").is_file()), None)


def kind_from_name(stem: str, category: str, normal: str) -> str:
    """Kind of defect in a file name: `12_bulge_cut` -> bulge, `cap3_crak0` -> crack; good when it contains `normal`."""
    stem = stem.lower().removeprefix(category.lower())
    if normal in stem:
        return "good"
    own = {*NO_KIND, *re.findall(r"[a-z]+", category.lower())}
    words = (word for word in re.findall(r"[a-z]+", stem) if word not in own)
    kind = next(words, "unnamed")
    return MISSPELT.get(kind, kind)


def label_file(scan: Path, gt: Path | None) -> Path | None:
    """The text file with the labels of a scan, spelling differences between the two folders allowed for.

    In this order: the same name; the name in another case, with crack for crak or without `_cut`/`_copy`; the only
    file with the scan's leading number that is not the label file of another scan.
    """
    candidates = files(gt, ".txt", ".csv")
    names = {f.stem: f for f in candidates}
    if scan.stem in names:
        return names[scan.stem]
    wanted = _plain(scan.stem)
    alike = [f for f in candidates if _plain(f.stem) == wanted and not _labels_another(f, scan)]
    if not alike and (number := re.match(r"\d+", scan.stem)):
        same_number = re.compile(rf"0*{int(number[0])}(?!\d)")
        alike = [f for f in candidates if same_number.match(f.stem) and not _labels_another(f, scan)]
    return alike[0] if len(alike) == 1 else None


def _plain(stem: str) -> str:
    return re.sub(r"_(cut|copy)$", "", stem.lower()).replace("crack", "crak")


def _labels_another(label: Path, scan: Path) -> bool:
    return (scan.parent / f"{label.stem}{scan.suffix}").exists()
