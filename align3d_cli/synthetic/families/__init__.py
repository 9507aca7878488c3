"""Shape families: functions from a random generator to a Solid, by name."""

from align3d_cli.synthetic.families import goods, heldout, household, machine, mechanism, organic, ornament
from align3d_cli.synthetic.families.variation import kitbash, varied

__all__ = ["FAMILIES", "HELD_OUT_FAMILIES", "TRAIN_FAMILIES", "varied"]

_ROOMS = (machine, mechanism, household, goods, organic, ornament)
_TRAIN = {name: make for room in _ROOMS for name, make in room.FAMILIES.items()}
_TRAIN["kitbash"] = kitbash({name: make for name, make in _TRAIN.items() if name != "relief"})
FAMILIES = {**_TRAIN, **heldout.FAMILIES}
HELD_OUT_FAMILIES = tuple(heldout.FAMILIES)
TRAIN_FAMILIES = tuple(_TRAIN)
