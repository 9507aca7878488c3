"""The terms of the loss over a tuning run, as a picture: python benchmarks/curves.py tune.log --out curves.png

tune.log is what `align3d tune` writes to stderr: one JSON object every 50 steps, their mean. The bold line is the mean
over a window of lines.
"""

import argparse
import json
from pathlib import Path

import numpy as np

TERMS = ("focal", "dice", "view")
WINDOW = 9  # lines of the log that a point of the bold line averages


def read_log(path: Path) -> dict[str, np.ndarray]:
    """step and every term, (K,) each; other lines are left out, and of a resumed run the last word counts."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
    by_step = {line["step"]: line for line in lines}
    rows = [by_step[step] for step in sorted(by_step)]
    return {key: np.array([row[key] for row in rows], float) for key in ("step", *TERMS)}


def smoothed(values: np.ndarray) -> np.ndarray:
    """(K,) -> (K,), the mean over a window that shrinks at both ends."""
    half = WINDOW // 2
    return np.array([values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))])


def main() -> None:
    """Read the log, draw one panel a term."""
    from align3d_cli.evaluation.charts import COLOURS, GRID, Line, Panel, draw_panels

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    log, panels = read_log(given.log), []
    for term, colour in zip(TERMS, COLOURS, strict=False):
        top = float(np.quantile(log[term], 0.98))
        lines = [Line(log["step"], log[term], GRID), Line(log["step"], smoothed(log[term]), colour)]
        panels.append(Panel(term, "step", "loss", lines, (0, float(log["step"][-1])), (0, top)))
    draw_panels(given.log.stem, [panels]).save(given.out)


if __name__ == "__main__":
    main()
