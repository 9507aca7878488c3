"""The ladder in a benchmark: methods that know something beside the scan, and what each of them saw.

Imports nothing heavy: a table is drawn with it.
"""

from collections.abc import Mapping
from typing import Any

from align3d_cli.evaluation.published import Saw

GOOD = {"good-1": 1, "good-2": 2, "good-4": 4}  # methods that are shown good parts, and how many
AMONG = "among"
RUNGS = (*GOOD, AMONG, "reference")  # the ladder itself
BASELINES = ("descriptors", "deviation")  # evidence alone, not joined to the model's word
LADDER = (*RUNGS, *BASELINES)
FALSE_ALARM_RATE = 0.05  # of further good parts, at which the good parts' own limit aims
MEANING = {
    "good-1": "the model beside one good part of the category",
    "good-2": "the model beside two good parts of the category",
    "good-4": "the model beside four good parts of the category",
    AMONG: "the model beside the other test scans of the category, unlabelled, defective ones among them",
    "reference": (
        "the model beside the category's CAD model, else one good part; alone where a scan cannot be laid onto it"
    ),
    "descriptors": "distance of descriptors to those of one good part, no model",
    "deviation": "distance from one good part that the scan was laid onto, no model; 0 where it cannot be laid",
}


def n_parts(method: str) -> int:
    """How many good parts a method is shown; the others that are shown any look at the first of those drawn."""
    return 0 if method == AMONG else GOOD.get(method, 1)


def saw_of(method: str, cad: bool = False) -> Saw:
    """What a method saw. cad: the category has a CAD model, which `reference` takes"""
    if method == AMONG:
        return Saw(folder=True)
    return Saw(cad=True) if cad and method == "reference" else Saw(good_parts=n_parts(method))


def spoke_of(line: Mapping[str, Any], method: str) -> dict[str, Any] | None:
    """What a line of the run log tells of what spoke beside the model, as JSON; None where nothing did."""
    return line.get("spoke", {}).get(method)
