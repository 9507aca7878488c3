"""How large a page of many parts is and how long it takes to open: benchmarks/page_size.py --parts 300

The parts are copies of one scan, scored once, each with its own name; the browser is Debian's Chromium on SwiftShader:
what a GPU does in a millisecond takes the processor's time here. --points makes a page of one part with that many
points instead. Either way the first part is turned for some seconds, and the pictures are counted.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from chromium import browser, complaints_of, why_absent

import align3d_cli as align3d
from align3d_cli.report.heatmap import part_page
from align3d_cli.report.html import PartPage, html_page
from align3d_cli.report.points_payload import PagePoints, points_payload
from align3d_cli.report.thinning import points_each
from align3d_cli.running.batch import SMALL_SHEETS
from align3d_cli.running.scored import ScoredScan

TURN_S = 6
TURN = """
const [seconds, done] = arguments, canvas = document.querySelector(".pane canvas");
const at = (clientX) => ({ clientX, clientY: 300, buttons: 1, pointerId: 1 });
const send = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, at(x)));
canvas.setPointerCapture = () => {};
let pictures = 0, x = 300;
const start = performance.now();
send("pointerdown", x);
const step = () => {
  if (performance.now() - start > 1000 * seconds) return done(pictures / seconds);
  send("pointermove", x += 2);
  pictures++;
  requestAnimationFrame(step);
};
requestAnimationFrame(step);
"""
THERE = "return performance.timing.loadEventEnd - performance.timing.navigationStart"
OPEN = """
const [number, done] = arguments, part = document.querySelectorAll("details.part")[number];
// a lone part is open already: since the page was called
const start = part.open ? 0 : performance.now(), viewer = part.querySelector(".viewer");
part.open = true;
const look = () => viewer.dataset.state === "ready" && viewer.querySelector("canvas").width !== 300
  ? done(performance.now() - start) : requestAnimationFrame(look);
look();
"""


def copies(found: ScoredScan, count: int) -> list[PartPage]:
    """The page's parts: the scan under many names, as thin as a page of so many shows it."""
    page = part_page(found.part(), points=points_each(count), small=count > SMALL_SHEETS)
    return [replace(page, result=page.result | {"input": f"parts/{number:03d}.ply"}) for number in range(count)]


def dense(found: ScoredScan, count: int) -> PartPage:
    """The scan with `count` points: its own again and again, each moved by less than its spacing."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(found.cloud), count)
    spacing = found.result()["resolution"]["spacing"]
    xyz = found.cloud.xyz[rows] + rng.normal(scale=spacing / 3, size=(count, 3))
    page = part_page(found.part())
    home = np.reshape(page.points["home"], (3, 3)) if page.points else np.eye(3)
    points = PagePoints(xyz, found.points[rows], labels=found.region_of_point[rows])
    return replace(page, points=points_payload(points, home, limit=count, regions=page.result["regions"]))


def opened(driver: Any, path: Path) -> dict[str, float]:
    """Milliseconds from the call of the page until its overview is there, and until parts that are opened are drawn."""
    driver.get(path.as_uri())
    told = {"page is there, ms": driver.execute_script(THERE)}
    parts = driver.execute_script("return document.querySelectorAll('details.part').length")
    told["first part is drawn, ms"] = driver.execute_async_script(OPEN, 0)
    if parts > 1:
        told["last part is drawn, ms"] = driver.execute_async_script(OPEN, parts - 1)
    return told


def turned(driver: Any) -> dict[str, float]:
    """Pictures a second while the first part turns, and what of each the page's own thread works for it, whoever draws:
    time of the processor, so that other work on the machine counts for nothing."""
    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    before = _task_seconds(driver)
    rate = driver.execute_async_script(TURN, TURN_S)
    spent = (_task_seconds(driver) - before) / max(rate * TURN_S, 1)
    return {"pictures a second while it turns": rate, "work of the page for each, ms": 1000 * spent}


def _task_seconds(driver: Any) -> float:
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "TaskDuration")


def main() -> None:
    """Make the page, open it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scan", default="examples/chessman/dent/001.ply")
    parser.add_argument("--parts", type=int, default=300)
    parser.add_argument("--points", type=int, help="a page of one part with so many points instead")
    given = parser.parse_args()
    found = align3d.load().score(given.scan)
    pages = copies(found, given.parts) if given.points is None else [dense(found, given.points)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        start = time.perf_counter()
        path.write_text(html_page("page", pages), encoding="utf-8")
        points = pages[0].points or {}
        rows = {"parts": len(pages), "points each": points.get("shown", 0)}
        rows |= {"page, MB": path.stat().st_size / 1e6, "page is written, s": time.perf_counter() - start}
        if not why_absent():
            with browser() as driver:
                driver.set_script_timeout(300)
                rows |= opened(driver, path)
                rows |= turned(driver)
                assert not complaints_of(driver)
    print("| what | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value:.3g} |" if isinstance(value, float) else f"| {name} | {value:,} |")


if __name__ == "__main__":
    main()
