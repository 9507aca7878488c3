"""Shape families: functions from a random generator to a Solid, by name."""

from align3d_cli.synthetic.families import (
    blades,
    cranks,
    fins,
    goods,
    handles,
    heldout,
    household,
    levers,
    machine,
    mechanism,
    organic,
    ornament,
    profiles,
    shafts,
)
from align3d_cli.synthetic.families.variation import kitbash, varied

__all__ = ["FAMILIES", "HELD_OUT_FAMILIES", "TRAIN_FAMILIES", "varied"]

_COMPACT = (machine, mechanism, household, goods, organic, ornament)
_LONG = (shafts, handles, blades, cranks, levers, profiles, fins)  # thin, stepped parts
_TRAIN = {name: make for room in _COMPACT for name, make in room.FAMILIES.items()}
# A seed draws by place in these lists: what is new comes last, and is no part of the kitbash.
_TRAIN["kitbash"] = kitbash({name: make for name, make in _TRAIN.items() if name != "relief"})
_TRAIN |= {name: make for room in _LONG for name, make in room.FAMILIES.items()}
FAMILIES = {**_TRAIN, **heldout.FAMILIES}
HELD_OUT_FAMILIES = tuple(heldout.FAMILIES)
TRAIN_FAMILIES = tuple(_TRAIN)
