"""Which device to run on."""

import torch

from align3d_cli.errors import EnvironmentMissing, UsageError


def resolve_device(asked: str) -> str:
    """ "auto" (CUDA where there is a GPU, else CPU), "cpu" or "cuda" to a torch device name.

    Raises EnvironmentMissing where CUDA is asked for and cannot be had, UsageError for other words.
    """
    if asked not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {asked}: unknown; use auto, cpu or cuda")
    if asked == "cuda" and not torch.cuda.is_available():
        raise EnvironmentMissing("--device cuda: torch sees no CUDA GPU on this machine; use --device cpu")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"
