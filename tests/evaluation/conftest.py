"""Small scans on disk and an untrained model: enough for every road through a benchmark."""

from pathlib import Path

import numpy as np
import pytest

from ..tiny_clip import tiny_clip, tiny_config, tiny_file  # noqa: F401 - fixtures

PIXELS = 48  # a side of an organised scan
POINTS = 1500  # of an unordered one


def sheet(x: np.ndarray, y: np.ndarray, defect: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Heights of a gently bent sheet over [-1, 1]^2 and which of its points are a bump."""
    place = rng.uniform(-0.5, 0.5, 2)
    reach = np.hypot(x - place[0], y - place[1])
    bump = (reach < 0.2) & defect
    z = 0.1 * x**2 + 0.05 * y + rng.normal(scale=1e-3, size=x.shape)
    return z + np.where(bump, 0.15 * np.cos(reach / 0.2 * np.pi / 2), 0.0), bump


def write_folder(root: Path) -> None:
    """An own folder of unordered scans: four good, two with a bump, two scratched ones that nobody labelled."""
    rng = np.random.default_rng(3)
    for kind, count in {"good": 4, "bump": 2, "scratch": 2}.items():
        for number in range(count):
            x, y = rng.uniform(-1, 1, (2, POINTS))
            z, bump = sheet(x, y, kind != "good", rng)
            file = root / kind / f"{number}.npy"
            file.parent.mkdir(parents=True, exist_ok=True)
            np.save(file, np.column_stack([x, y, z]))
            if kind == "bump":
                (root / "gt" / kind).mkdir(parents=True, exist_ok=True)
                np.save(root / "gt" / kind / file.name, bump)


def written_mvtec(root: Path, categories=("carrot", "cookie", "dowel"), per_kind: int = 2) -> None:
    """Organised scans in the layout of MVTec 3D-AD, with photographs and masks."""
    import tifffile
    from PIL import Image

    y, x = np.mgrid[-1 : 1 : PIXELS * 1j, -1 : 1 : PIXELS * 1j]
    for at, category in enumerate(categories):
        rng = np.random.default_rng(at)
        for kind in ("good", "hole"):
            for number in range(per_kind):
                z, bump = sheet(x, y, kind != "good", rng)
                place = root / category / "test" / kind
                for part in ("xyz", "rgb", "gt"):
                    (place / part).mkdir(parents=True, exist_ok=True)
                xyz = np.dstack([x, y, 2 + z]).astype(np.float32)
                tifffile.imwrite(place / "xyz" / f"{number:03d}.tiff", xyz, photometric="rgb")
                grey = np.uint8(120 + 80 * x)
                Image.fromarray(np.dstack([grey, grey, 255 - grey])).save(place / "rgb" / f"{number:03d}.png")
                Image.fromarray(np.uint8(bump) * 3).save(place / "gt" / f"{number:03d}.png")


def tiny_model(path: Path):
    """A model with both branches and random weights, 64 pixels a view."""
    import torch

    from align3d_cli.encoders.lite import LiteEncoder
    from align3d_cli.model.aligner import Aligner
    from align3d_cli.model.bundle import Bundle, save_bundle
    from align3d_cli.render.settings import ViewSettings

    settings = {"variant": "lite0", "embed_dim": 16, "image_size": 64, "width": 16, "token_stride": 8}
    torch.manual_seed(0)
    tensors = {f"encoder.{key}": value for key, value in LiteEncoder(**settings).state_dict().items()}
    tensors |= {f"aligner.{key}": value for key, value in Aligner(16).state_dict().items()}
    for branch in ("rendering", "rgb"):
        tensors[f"text.{branch}"] = torch.nn.functional.normalize(torch.randn(2, 16), dim=1)
    views = ViewSettings(count=3, size_px=64)
    return save_bundle(path, Bundle("tiny", {"name": "lite"} | settings, tensors, views))


@pytest.fixture(scope="session")
def scan_folder(tmp_path_factory) -> Path:
    """Root of an own folder with eight unordered scans; see `write_folder`."""
    root = tmp_path_factory.mktemp("own")
    write_folder(root)
    return root


@pytest.fixture(scope="session")
def mvtec_root(tmp_path_factory) -> Path:
    """Root of three categories of four organised scans; see `written_mvtec`."""
    root = tmp_path_factory.mktemp("mvtec")
    written_mvtec(root)
    return root


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """An untrained model with both branches."""
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors").path


@pytest.fixture(scope="session")
def folder_run(tmp_path_factory, scan_folder, model):
    """(question, folder) of a finished zero-shot run over the own folder, all methods of the model."""
    from align3d_cli.evaluation.question import Question
    from align3d_cli.evaluation.runner import run_benchmark

    question = Question(data_set="folder", root=scan_folder, model=str(model))
    folder = tmp_path_factory.mktemp("runs") / "folder"
    run_benchmark(question, folder)
    return question, folder


@pytest.fixture(scope="session")
def write_mvtec():
    """`write_mvtec(root, categories, per_kind)` writes such a tree."""
    return written_mvtec
