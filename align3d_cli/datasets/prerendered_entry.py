"""One scan of a pre-rendered root: where its parts lie, by the folders, or by a manifest written on another machine.

Below `<class>/test/<kind>/` a part is a folder of files (`xyz/007.tiff`) or of folders (`2d_rendering/007/`). Manifests
name them by the absolute paths of their author's machine; what follows the class name holds here too.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align3d_cli.datasets import layout
from align3d_cli.errors import InputRejected

GOOD = "good"
SPLITS = ("train", "test")
TIFFS, CLOUDS, IMAGES = (".tiff", ".tif"), (".pcd",), (".png", ".jpg", ".jpeg", ".bmp")
# part -> the folders it lies in, the suffixes of its files (none: it is a folder), the keys of a manifest
PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "photograph": (("rgb",), IMAGES, ("d2_img_path",)),
    "mask": (("gt",), IMAGES, ("d2_mask_path",)),
    "labels": (("gt_pcd", "gt"), CLOUDS, ("gt_pcd_path", "d2_mask_path")),
    "pictures": (("2d_rendering",), (), ("d2_render_img_path",)),
    "coloured": (("2d_rgb_rendering",), (), ("d2_rgb_render_img_path",)),
    "masks": (("2d_gt",), (), ("d2_render_gt_path",)),
    "places": (("2d_3d_cor",), (), ("d2_corrdinate",)),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One scan and its parts; a part that is not there is None, `scan` is the file that should be.

    scan:       `xyz/<id>.tiff`, else `pcd/<id>.pcd`; photograph: of it; mask: (H, W) image of its defects
    labels:     .pcd whose colours say which points are defective
    pictures, coloured, masks: folders with one picture a view: grey, coloured, defects; places: of correspondences
    """

    name: str
    split: str
    kind: str
    scan: Path
    photograph: Path | None = None
    mask: Path | None = None
    labels: Path | None = None
    pictures: Path | None = None
    coloured: Path | None = None
    masks: Path | None = None
    places: Path | None = None


def entries_of(category: str, folder: Path) -> list[Entry]:
    """All scans of a category: those of its manifest where there is one, else all in its folders.

    Raises InputRejected for a manifest that is none.
    """
    for manifest in manifests_of(category, folder):
        if found := from_manifest(category, folder, manifest):
            return found
    return from_folders(category, folder)


def from_folders(category: str, folder: Path) -> list[Entry]:
    """Every scan with a file in `<split>/<kind>/xyz`, or in `pcd` where a kind has no `xyz`."""
    found = []
    for split in SPLITS:
        for kind in layout.folders(folder / split):
            for scan in layout.files(kind / "xyz", *TIFFS) or layout.files(kind / "pcd", *CLOUDS):
                found.append(_entry(f"{category}/{split}/{kind.name}/{scan.stem}", split, kind.name, scan, kind, {}))
    return found


def manifests_of(category: str, folder: Path) -> list[Path]:
    """`<class>_meta.json`, then `all_meta.json`, beside the folder of a class or in it, those that are there."""
    names = (f"{category}_meta.json", "all_meta.json")
    return [path for name in names for path in (folder.parent / name, folder / name) if path.is_file()]


def from_manifest(category: str, folder: Path, manifest: Path) -> list[Entry]:
    """The scans that a manifest names of a class, wherever its author kept them; none of another's.

    Raises InputRejected.
    """
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        by_split = {split: content.get(split) or {} for split in SPLITS}
        lists = [(split, by_class.get(category, [])) for split, by_class in by_split.items()]
        found = [_from_record(category, folder, split, record) for split, records in lists for record in records]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        finding = f"is no manifest of scans ({error})"
        raise InputRejected(f"{manifest}: {finding}; restore it, or remove it: then the folders count") from error
    return list({entry.name: entry for entry in found}.values())


def _from_record(category: str, folder: Path, split: str, record: dict[str, Any]) -> Entry:
    pictures = rerooted(record["d2_render_img_path"], category, folder)
    kind = pictures.parent.parent
    named = [rerooted(record[key], category, folder) for key in ("d3_pc", "pcd_path") if record.get(key)]
    stem = named[0].stem if named else pictures.name
    usual = [p for p in (_part(kind, ("xyz",), stem, TIFFS), _part(kind, ("pcd",), stem, CLOUDS)) if p]
    scan = next((path for path in (*named, *usual) if path.is_file()), (*named, kind / "xyz" / f"{stem}.tiff")[0])
    label = str(record["specie_name"]) if int(record["anomaly"]) else GOOD
    if label == GOOD and int(record["anomaly"]):
        raise ValueError(f"{stem} is called {GOOD} and anomalous")
    given = {key: rerooted(value, category, folder) for key, value in record.items() if _is_path(key, value)}
    return _entry(f"{category}/{kind.parent.name}/{kind.name}/{pictures.name}", split, label, scan, kind, given)


def _is_path(key: str, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and any(key in keys for _, _, keys in PARTS.values())


def rerooted(path: str, category: str, folder: Path) -> Path:
    """A path of a manifest below the folder of its class here: what follows the last folder of the class's name.

    Raises ValueError for a path without it.
    """
    steps = path.replace("\\", "/").split("/")
    if category not in steps:
        raise ValueError(f"{path} does not lie in a folder {category}")
    after = steps[len(steps) - steps[::-1].index(category) :]
    return folder.joinpath(*(step for step in after if step not in ("", ".", "..")))


def _entry(name: str, split: str, kind: str, scan: Path, folder: Path, given: dict[str, Path]) -> Entry:
    """The parts of a scan: what a manifest gives where that exists, else what its folder holds under its number."""
    parts: dict[str, Path | None] = {}
    for part, (places, suffixes, keys) in PARTS.items():
        told = [given[key] for key in keys if key in given and _is_part(given[key], suffixes)]
        there = next((path for path in told if path.exists()), None)
        parts[part] = there or _part(folder, places, scan.stem, suffixes) or next(iter(told), None)
    return Entry(name, split, kind, scan, **parts)


def _is_part(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes if suffixes else True


def _part(kind: Path, places: tuple[str, ...], stem: str, suffixes: tuple[str, ...]) -> Path | None:
    """The file or folder of a scan in the first of these folders that has it: of its name, or of its number where
    one of the two has lost leading zeros (Eyecandies: `rgb/07.png` is `pcd/7.pcd`)."""
    for place in places:
        inside = kind / place
        exact = layout.same_stem(inside, stem, *suffixes) if suffixes else inside / stem
        if exact is not None and exact.exists():
            return exact
        there = layout.files(inside, *suffixes) if suffixes else layout.folders(inside)
        names = {entry.stem if suffixes else entry.name: entry for entry in there}
        alike = [entry for name, entry in names.items() if stem.isdigit() and name.isdigit() and int(name) == int(stem)]
        if len(alike) == 1:
            return alike[0]
    return None
