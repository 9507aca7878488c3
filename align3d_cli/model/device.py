"""Which device to run on, and how exactly it computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import torch

from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.model.settings import Device

DEVICES = get_args(Device)


def resolve_device(asked: str, *, exported: bool = False) -> str:
    """ "auto" (CUDA where there is a GPU, else CPU), "cpu", "cuda" or "mps" to a torch device name.

    exported: the model is, so that auto means the CPU
    Raises EnvironmentMissing where a device is asked for and cannot be had, UsageError for other words.
    """
    if asked not in DEVICES:
        raise UsageError(f"--device {asked}: unknown; use {', '.join(DEVICES[:-1])} or {DEVICES[-1]}")
    if asked == "cuda" and not torch.cuda.is_available():
        raise EnvironmentMissing("--device cuda: torch sees no CUDA GPU on this machine; use --device cpu")
    if asked == "mps" and not torch.backends.mps.is_available():
        raise EnvironmentMissing("--device mps: torch sees no Apple GPU on this machine; use --device cpu")
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() and not exported else "cpu"
    return asked


def drawing_device(device: str) -> str:
    """Where views are drawn: on the device itself, but on the CPU beside an Apple GPU, which has no float64."""
    return "cpu" if device == "mps" else device


@contextmanager
def exact() -> Iterator[None]:
    """Inside, CUDA multiplies in full float32 (no TF32) and takes the same algorithm each time; set back afterwards."""
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = False
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        matmul.allow_tf32 = before
