"""Where a training run stands, on disk: nested dicts, lists, numbers and tensors in one file, no pickle."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.identity import differences, plain
from align3d_cli.training.tensor_file import read_checked, write_checked

CHECKPOINT_FORMAT = 2  # grows when what a learner keeps has another form


def save_checkpoint(path: Path, state: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    """Write the state of a run; the file appears whole or the old one stays.

    identity: everything the run depends on (features, settings), in JSON's terms, compared on loading
    Raises EnvironmentMissing where it cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    layout = _without_tensors(state, tensors)
    write_checked(path, tensors, {"format": CHECKPOINT_FORMAT, "identity": plain(identity), "state": layout})


def load_checkpoint(path: Path, identity: Mapping[str, Any], anew: str) -> dict[str, Any] | None:
    """The state written by `save_checkpoint`, tensors on the CPU; None when there is no file.

    anew: how the user begins anew, the end of every message
    Raises InputRejected for a file that is damaged or belongs to another run.
    """
    if not os.path.exists(path):
        return None
    facts, tensors = read_checked(path, anew)
    if facts.get("format") != CHECKPOINT_FORMAT:
        raise InputRejected(f"{path}: no checkpoint of this version of align3d; {anew}")
    if changed := differences(facts.get("identity"), plain(identity)):
        raise InputRejected(f"{path}: belongs to a run with other settings ({', '.join(changed)}); {anew}")
    return _with_tensors(facts["state"], tensors)


def _without_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """JSON for a nested state: tensors move to `tensors`, dicts become pairs because JSON keys are strings."""
    if isinstance(value, Tensor):
        name = f"{len(tensors):05d}"
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"pairs": [[key, _without_tensors(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_without_tensors(item, tensors) for item in value]
    return value


def _with_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_with_tensors(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _with_tensors(item, tensors) for key, item in value["pairs"]}
