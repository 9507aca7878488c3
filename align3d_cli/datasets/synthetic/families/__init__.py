"""Shape families: functions from a random generator to a Part, by name."""

from align3d_cli.datasets.synthetic.families import heldout, household, machine, organic, ornament

FAMILIES = {**machine.FAMILIES, **household.FAMILIES, **organic.FAMILIES, **ornament.FAMILIES, **heldout.FAMILIES}
HELD_OUT_FAMILIES = tuple(heldout.FAMILIES)
TRAIN_FAMILIES = tuple(name for name in FAMILIES if name not in heldout.FAMILIES)
