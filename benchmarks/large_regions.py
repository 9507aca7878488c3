"""AUPRO without the specks of the labels: python benchmarks/large_regions.py RUN --least 10

AUPRO weighs every connected region alike, be it one pixel. RUN is the folder of `align3d benchmark --run`, already
scored; for every arm and method its AUPRO (mode `foreground`, mean over the categories) over all regions, and over
those of at least so many points of the scan, is printed, in %. Points of a smaller region count neither as found nor
as missed.
"""

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np


def without_specks(sample, least: int):
    """The scored sample as if the points of its smaller regions had not been measured."""
    counted = np.where(sample.measured, sample.region, 0)
    specks = (counted > 0) & (np.bincount(counted)[counted] < least)
    return replace(sample, measured=sample.measured & ~specks)


def figures(run: Path, least: int) -> dict[tuple[str, str], list[tuple[float, float, int, int]]]:
    """By arm and method and for every category: AUPRO of all and of large regions, and how many there are of each."""
    from align3d_cli.evaluation import pooling
    from align3d_cli.evaluation.runlog import read_run
    from align3d_cli.metrics.aupro import aupro
    from align3d_cli.metrics.evaluation import gather
    from align3d_cli.metrics.samples import count

    record, found = read_run(run), defaultdict(list)
    for arm, category in pooling.arms_and_categories(record):
        scans = pooling.scans_of(record, arm["name"], category)
        for method in scans[0].line["object_scores"]:
            every = (count(scan.sample(method), "foreground") for scan in scans)
            large = (count(without_specks(scan.sample(method), least), "foreground") for scan in scans)
            both = [gather(counted, "foreground").points for counted in (every, large)]
            found[arm["name"], method].append((*map(aupro, both), *(ranking.n_regions for ranking in both)))
    return found


def main() -> None:
    """Read the run, print a row for every arm and method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--least", type=int, default=10, help="points of the smallest region that counts")
    given = parser.parse_args()
    print(f"| arm | method | regions | P-P | of {given.least} points or more | P-P |\n|---|---|---|---|---|---|")
    for (arm, method), rows in figures(given.run, given.least).items():
        every, large = (100 * np.nanmean([row[column] for row in rows]) for column in (0, 1))
        regions, kept = (sum(row[column] for row in rows) for column in (2, 3))
        print(f"| {arm} | {method} | {regions} | {every:.1f} | {kept} | {large:.1f} |")


if __name__ == "__main__":
    main()
