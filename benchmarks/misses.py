"""The defective scans that a method ranks lowest: benchmarks/misses.py RUN --method good-4 --out misses.png

RUN is the folder of `align3d benchmark --run` on organised scans. A tile is the grid of one: point scores in colours,
what is labelled outlined in white; below it the object score and by how many good scans of the same object it is
exceeded. Those exceeded by most come first.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

TILE_PX, TEXT_PX, GAP_PX = 220, 40, 8
LOW, HIGH = 0.1, 0.9  # of the point scores, drawn as the ends of the colours
EMPTY = 235  # grey of pixels without a measurement


def lowest(run: Path, arm: str | None, method: str, n: int) -> list[tuple[int, object]]:
    """The n defective scans that most good ones of their category exceed, with how many these are."""
    from align3d_cli.evaluation import pooling
    from align3d_cli.evaluation.runlog import read_run

    record, found = read_run(run), []
    for this, category in pooling.arms_and_categories(record):
        if arm in (None, this["name"]):
            scans = [one for one in pooling.scans_of(record, this["name"], category) if one.line["organised"]]
            score = {id(one): one.line["object_scores"][method] for one in scans if method in one.line["object_scores"]}
            good = [score[id(one)] for one in scans if id(one) in score and not one.line["anomalous"]]
            bad = [one for one in scans if id(one) in score and one.line["anomalous"]]
            found += [(sum(other >= score[id(one)] for other in good), one) for one in bad]
    found.sort(key=lambda each: (-each[0], each[1].line["object_scores"][method]))
    once: dict[str, tuple] = {}
    for each in found:  # of several seeds the worst counts
        once.setdefault(each[1].line["sample"], each)
    return list(once.values())[:n]


def tile(exceeded: int, scan: object, method: str) -> Image.Image:
    """One scan's picture."""
    from align3d_cli.report.colours import score_rgb

    sample = scan.sample(method)
    height, width = sample.grid
    pixels = np.full((height * width, 3), EMPTY, np.uint8)
    drawn = sample.measured & ~np.isnan(sample.scores)
    pixels[drawn] = score_rgb(sample.scores[drawn], LOW, HIGH)
    pixels = pixels.reshape(height, width, 3)
    label = sample.defect.reshape(height, width)
    inner = label.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            inner &= np.roll(label, step, axis)
    pixels[label & ~inner] = 255
    picture = Image.new("RGB", (TILE_PX, TILE_PX + TEXT_PX), "white")
    picture.paste(Image.fromarray(pixels).resize((TILE_PX, TILE_PX), Image.Resampling.NEAREST))
    name = scan.line["category"].split("_", 1)[-1].replace("_", " ")[:22]
    text = f"{name}, {scan.line['defect']}\n{scan.line['object_scores'][method]:.2f}, below {exceeded} good"
    ImageDraw.Draw(picture).text((2, TILE_PX + 2), text, "black", ImageFont.load_default(14))
    return picture


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--method", required=True, help="a column of the run, e.g. good-4")
    parser.add_argument("--arm", help="of a run with several arms or seeds: the name of one; all by default")
    parser.add_argument("--number", "-n", type=int, default=8)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    tiles = [
        tile(exceeded, scan, given.method)
        for exceeded, scan in lowest(given.run, given.arm, given.method, given.number)
    ]
    if not tiles:
        parser.error(f"{given.run} has no organised defective scan that {given.method} scored")
    rows = -(-len(tiles) // 4)
    step = np.array([TILE_PX + GAP_PX, TILE_PX + TEXT_PX + GAP_PX])
    sheet = Image.new("RGB", tuple(int(side) for side in step * [min(len(tiles), 4), rows] - GAP_PX), "white")
    for place, picture in enumerate(tiles):
        sheet.paste(picture, tuple(int(at) for at in step * [place % 4, place // 4]))
    sheet.quantize(128).save(given.out, optimize=True)
    print(f"{given.out}: {len(tiles)} scans, {given.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
