"""Which device to run on."""

from typing import Literal, get_args

from align3d_cli.errors import EnvironmentMissing, UsageError

Device = Literal["auto", "cpu", "cuda"]


def resolve_device(asked: str) -> str:
    """ "auto" (CUDA where there is a GPU, else CPU), "cpu" or "cuda" to a torch device name.

    Raises EnvironmentMissing where CUDA is asked for and cannot be had, UsageError for other words.
    """
    import torch

    if asked not in get_args(Device):
        raise UsageError(f"--device {asked}: unknown; use {' or '.join(get_args(Device))}")
    if asked == "cuda" and not torch.cuda.is_available():
        raise EnvironmentMissing("--device cuda: torch sees no CUDA GPU on this machine; use --device cpu")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"
