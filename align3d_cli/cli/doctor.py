"""`align3d doctor`: what this installation has and what it lacks."""

import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from align3d_cli import __version__
from align3d_cli.cli import output
from align3d_cli.cli.options import examples
from align3d_cli.errors import Align3DError, EnvironmentMissing

LIBRARIES = (
    "torch", "open_clip_torch", "numpy", "scipy", "numba", "safetensors", "trimesh", "pyrender", "pillow", "tifffile",
    "imagecodecs", "typer", "rich",
)  # fmt: skip
EXTRAS = ("onnx", "onnxruntime", "ray")  # of optional features: export, and scans over a cluster


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(epilog=examples("align3d doctor", "align3d doctor --json", "Exit code 5: scoring does not work here."))(
        doctor
    )


def doctor(json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Check libraries, devices, renderers and the default model; says what is missing and how to get it."""
    findings = [
        _checked("align3d", True, lambda: f"{__version__}, Python {platform.python_version()}, {platform.platform()}"),
        *(_checked(name, True, partial(_version_of, name)) for name in LIBRARIES),
        *(_checked(name, False, partial(_version_of, name)) for name in EXTRAS),
        _checked("device cuda", False, _cuda),
        _checked("renderer splat", True, _splat),
        _checked("renderer pyrender", False, _pyrender),
        _checked("model align3d-lite", True, _model),
    ]
    if json:
        output.result_json({"schema_version": 1, "ready": _ready(findings), "findings": findings}, indent=2)
    else:
        for finding in findings:
            output.result(_line(finding))
    if not _ready(findings):
        raise EnvironmentMissing("scoring does not work here; what is marked `missing` has to be mended")


def _checked(name: str, needed: bool, check: Callable[[], str]) -> dict[str, Any]:
    """One finding: {name, needed, ok, detail}. A check fails by raising; the message is the detail."""
    try:
        return {"name": name, "needed": needed, "ok": True, "detail": check()}
    except Align3DError as error:
        return {"name": name, "needed": needed, "ok": False, "detail": str(error)}
    except Exception as error:  # whatever a broken installation throws is what the doctor is asked to show
        return {"name": name, "needed": needed, "ok": False, "detail": f"{type(error).__name__}: {error}"}


def _ready(findings: list[dict[str, Any]]) -> bool:
    return all(finding["ok"] for finding in findings if finding["needed"])


def _line(finding: dict[str, Any]) -> str:
    word = "ok" if finding["ok"] else "missing" if finding["needed"] else "no"
    tone = "good" if finding["ok"] else "bad" if finding["needed"] else "faint"
    return f"{output.tinted(f'{word:<8}', tone)}{finding['name']:<20}{finding['detail']}"


def _version_of(library: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(library)
    except PackageNotFoundError:
        raise EnvironmentMissing(f"not installed; run `{sys.executable} -m pip install {library}`") from None


def _cuda() -> str:
    import torch

    if not torch.cuda.is_available():
        raise EnvironmentMissing("torch sees no CUDA GPU; scoring runs on the CPU")
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ", ".join(names)


def _splat() -> str:
    """Draw a small cloud: loads or compiles the kernels, as the first scan would."""
    from align3d_cli.helpers.compiled import told
    from align3d_cli.render.splat import splat

    start = time.perf_counter()
    xyz, cameras = _test_scene()
    views = splat(xyz, cameras, spacing=0.1, kernel="numba")
    ready = f"ready in {time.perf_counter() - start:.1f} s"
    return f"draws {int(views.visible.sum())} of {len(xyz)} test points, {ready}; {told()}"


def _pyrender() -> str:
    from align3d_cli.render.gl import draw_cloud

    _, depth = draw_cloud(*_test_scene())
    return f"OpenGL through EGL, {int(depth.isfinite().sum())} test pixels"


def _test_scene() -> tuple[Any, Any]:
    """(N, 3) points and one small camera."""
    import numpy as np

    from align3d_cli.render.cameras import fitted_cameras, preset_rotations

    xyz = np.random.default_rng(0).normal(size=(500, 3))
    return xyz, fitted_cameras(xyz, preset_rotations("front:1"), 32)


def _model() -> str:
    from align3d_cli.helpers.digest import sha256_of
    from align3d_cli.helpers.places import DEFAULT_MODEL
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.find import find_model

    path = find_model(DEFAULT_MODEL)
    bundle = load_bundle(path)
    megabytes, digest = path.stat().st_size / 1e6, sha256_of(path)[:16]
    return f"{path}, {megabytes:.1f} MB, SHA-256 {digest}.., branches {' and '.join(bundle.branches)}"
