"""Procedural parts, scans and defects with point ground truth."""

from align3d_cli.synthetic.defects import KINDS
from align3d_cli.synthetic.families import FAMILIES, HELD_OUT_FAMILIES, TRAIN_FAMILIES
from align3d_cli.synthetic.samples import SyntheticSample, make_sample, synthetic_samples

__all__ = [
    "FAMILIES",
    "HELD_OUT_FAMILIES",
    "KINDS",
    "TRAIN_FAMILIES",
    "SyntheticSample",
    "make_sample",
    "synthetic_samples",
]
