"""What the table of a run takes in memory: python benchmarks/table_memory.py RUN

RUN is the folder of `align3d benchmark --run`, already scored. Printed are the points of all its scans as they are when
read (every method's scores, labels, regions), those of its largest category, and the most that Python held at a time
while the table was built, in MB. The last is a matter of the largest category, not of the data set.
"""

import argparse
import tracemalloc
from pathlib import Path


def unpacked_bytes(scan) -> int:
    """Bytes of one scan's points as arrays."""
    outputs = scan.outputs(*scan.line["object_scores"])
    arrays = [*outputs.scores.values(), outputs.measured, outputs.region]
    return sum(array.nbytes for array in (*arrays, *([] if outputs.defect is None else [outputs.defect])))


def figures(run: Path) -> tuple[int, int, int]:
    """Bytes of all scans' points, of the largest category's, and the peak while the table is built."""
    from align3d_cli.evaluation.pooling import arms_and_categories, scans_of
    from align3d_cli.evaluation.runlog import read_run
    from align3d_cli.evaluation.tables import build_table

    record = read_run(run)
    sizes = [
        sum(map(unpacked_bytes, scans_of(record, arm["name"], category)))
        for arm, category in arms_and_categories(record)
    ]
    tracemalloc.start()
    build_table(record)
    return sum(sizes), max(sizes), tracemalloc.get_traced_memory()[1]


def main() -> None:
    """Read the run, print one row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    row = " | ".join(f"{size / 1e6:.0f}" for size in figures(parser.parse_args().run))
    print(f"| all points, MB | largest category, MB | peak, MB |\n|---|---|---|\n| {row} |")


if __name__ == "__main__":
    main()
