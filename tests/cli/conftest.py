"""Real programs on real files: a subprocess runner, a small model with random weights, a few small scans."""

import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[2]
PATHS = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))

CLIP = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 48, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 3},
}


@dataclass(frozen=True)
class Run:
    """How a run of the program ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def align3d():
    """`align3d(*arguments)` runs the program in a process of its own and returns a Run."""

    def run(*arguments, stdin: bytes | None = None, cwd: Path | None = None, **environment: str) -> Run:
        done = subprocess.run(
            [sys.executable, "-m", "align3d_cli", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": PATHS, "COLUMNS": "100"} | environment,
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A whole but untrained model, small enough to score in a fraction of a second."""
    import torch

    from align3d_cli.encoders.lite import LiteEncoder
    from align3d_cli.model.bundle import Bundle, save_bundle
    from align3d_cli.model.calibration import Calibration
    from align3d_cli.model.settings import ScoringSettings
    from align3d_cli.render.settings import ViewSettings

    torch.manual_seed(0)
    settings = {"variant": "lite0", "embed_dim": 16, "image_size": 64, "width": 16, "token_stride": 8}
    encoder = LiteEncoder(**settings)
    text = torch.nn.functional.normalize(torch.randn(2, 16), dim=1)
    tensors = {f"encoder.{key}": value for key, value in encoder.state_dict().items()} | {"text.rendering": text}
    bundle = Bundle(
        "tiny",
        {"name": "lite"} | settings,
        tensors,
        ViewSettings(count=4, size_px=64),
        ScoringSettings(object_form="max"),
        Calibration(threshold=0.5, colour_low=0.2, colour_high=0.8),
    )
    return save_bundle(tmp_path_factory.mktemp("model") / "tiny.safetensors", bundle).path


@pytest.fixture(scope="session")
def clip_model(tmp_path_factory):
    """An untrained model on a tiny CLIP with random weights, as a file."""
    from align3d_cli.encoders.settings import EncoderSettings
    from align3d_cli.model.bundle import Bundle, save_bundle
    from align3d_cli.render.settings import ViewSettings

    encoder = {"name": "tiny", "config": CLIP, "random_seed": 0, "settings": asdict(EncoderSettings())}
    bundle = Bundle("tiny", encoder, {}, ViewSettings("front:3", 3, 48))
    return save_bundle(tmp_path_factory.mktemp("clip") / "tiny.safetensors", bundle).path


@pytest.fixture
def parts(tmp_path, write_ball) -> Path:
    """A folder of three balls: ball.ply, deep/ball.ply and table.csv."""
    folder = tmp_path / "parts"
    (folder / "deep").mkdir(parents=True)
    for name in ("ball.ply", "deep/ball.ply", "table.csv"):
        write_ball(folder / name)
    return folder


@pytest.fixture(scope="session")
def write_ball():
    """`write_ball(path)` writes 2000 points of the unit sphere as binary ply or csv, the same every time."""
    points = np.random.default_rng(0).normal(size=(2000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    header = "ply\nformat binary_little_endian 1.0\nelement vertex 2000\n"
    header += "property float x\nproperty float y\nproperty float z\nend_header\n"

    def write(path: Path) -> None:
        if path.suffix == ".csv":
            np.savetxt(path, points, delimiter=",", header="x,y,z", comments="")
        else:
            path.write_bytes(header.encode() + points.astype("<f4").tobytes())

    return write
