"""Good parts in the file of a model: tensors below `good.`, and what else is known of them in its record."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from align3d_cli.errors import WeightsRejected
from align3d_cli.helpers.settings import SettingsError
from align3d_cli.matching.surface import Surface
from align3d_cli.matching.visibility import View
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.traits import as_json, from_json
from align3d_cli.reference.good import GoodPart, Usual, good_part
from align3d_cli.reference.references import FACTS, References
from align3d_cli.reference.seen import Seen

RECORD = "teach"  # where in a model's record good parts are told of
PREFIX = "good"


def with_references(bundle: Bundle, known: References) -> Bundle:
    """A model that knows good parts; those that it knew before are forgotten."""
    tensors = {name: tensor for name, tensor in bundle.tensors.items() if not name.startswith(f"{PREFIX}.")}
    for number, part in enumerate(known.parts):
        tensors |= {f"{PREFIX}.{number}.{name}": torch.from_numpy(array) for name, array in _arrays(part).items()}
    told = {
        "size": known.size,
        "calibration": asdict(known.calibration),
        "facts": known.facts,
        "parts": [_told(part) for part in known.parts],
        "traits": as_json(known.traits),
    }
    return replace(bundle, tensors=tensors, record=bundle.record | {RECORD: told}, sha256=None, path=None)


def references_of(bundle: Bundle) -> References | None:
    """The good parts that a model knows; None where it knows none. Raises WeightsRejected for a damaged record."""
    told = bundle.record.get(RECORD)
    if told is None:
        return None
    try:
        parts = tuple(_part(one, bundle.part(f"{PREFIX}.{i}")) for i, one in enumerate(told["parts"]))
        calibration = Calibration(**told["calibration"])
        facts = {name: told["facts"][name] for name in FACTS}
        if not parts:
            raise ValueError("good parts without one")
        traits = from_json(told.get("traits"))  # models taught earlier have none
        return References(parts, float(told["size"]), calibration, bundle.calibration, facts, traits=traits)
    except (KeyError, TypeError, ValueError, SettingsError) as error:
        text = f"{bundle.called}: what it knows of good parts cannot be read; run `align3d teach` again"
        raise WeightsRejected(text) from error


def _arrays(part: GoodPart) -> dict[str, np.ndarray]:
    surface, usual = part.seen.surface, part.usual
    if usual is None:
        raise ValueError("good parts are stored once they are measured")
    mesh = {} if part.triangles is None else {"triangles": np.ascontiguousarray(part.triangles, np.float64)}
    return mesh | {
        "xyz": np.ascontiguousarray(surface.xyz),
        "normals": np.ascontiguousarray(surface.normals),
        "descriptors": surface.descriptors.astype(np.float16),
        "zero_shot": part.seen.zero_shot,
        "usual": np.stack(usual.values).astype(np.float32),
    }


def _told(part: GoodPart) -> dict[str, Any]:
    surface, pose = part.seen.surface, part.first_from_part
    return {
        "name": part.name,
        "sha256": part.sha256,
        "raw": part.seen.raw,
        "spacing": surface.spacing,
        "size": surface.size,
        "view": None if surface.view is None else surface.view.direction.tolist(),
        "first_from_part": None if pose is None else pose.tolist(),
    }


def _part(told: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> GoodPart:
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    view = None if told["view"] is None else View(np.array(told["view"], float))
    surface = Surface(
        arrays["xyz"],
        arrays["normals"],
        arrays["descriptors"].astype(np.float32),
        float(told["spacing"]),
        float(told["size"]),
        view=view,
    )
    if arrays["zero_shot"].shape != (len(surface),) or arrays["usual"].shape != (3, len(surface)):
        raise ValueError("not one value a point")
    seen = Seen(surface, arrays["zero_shot"], np.arange(len(surface)), float(told["raw"]))
    pose = None if told["first_from_part"] is None else np.array(told["first_from_part"], float).reshape(4, 4)
    usual, triangles = Usual(*arrays["usual"]), arrays.get("triangles")
    if triangles is not None and triangles.shape != (len(triangles), 3, 3):
        raise ValueError("triangles without three corners")
    return good_part(told["name"], told["sha256"], seen, pose, triangles, usual)
