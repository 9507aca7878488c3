"""The pictures of the page in the README: benchmarks/page_pictures.py --out weights/pictures

Scores the ridge of the shaft beside two of its good parts, flies to its worst region, and shows the good part under the
same camera, light and dark. Needs Debian's Chromium.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from chromium import browser, why_absent
from PIL import Image

ROOT = Path(__file__).parents[1]
SHAFT = Path("examples/shaft")  # below ROOT: the page shows the names as they were typed
FLIGHT_S = 3  # and time to draw it at rest, also on a busy machine
COLOURS = 192  # of the palette: few beside the heat map's, whose ramp is dithered
WINDOW = (1240, 1060)


def scored(folder: Path) -> Path:
    """The page of the shaft, by the command that anyone would type."""
    page = folder / "shaft.html"
    words = ["score", SHAFT / "ridge/004.ply", SHAFT / "dent/003.ply", "--report", page, "--quiet"]
    words += ["--good", SHAFT / "good/001.ply", "--good", SHAFT / "good/002.ply"]
    subprocess.run(
        [sys.executable, "-m", "align3d_cli", *map(str, words)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    return page


def shown(driver: Any, page: Path) -> None:
    """Open the first part at its worst region, its good part beside it, and pick a point in the middle."""
    from selenium.webdriver.common.action_chains import ActionChains

    driver.get(page.as_uri())
    driver.execute_script("document.querySelector('details.part').open = true")
    time.sleep(FLIGHT_S)
    canvas = driver.find_element("css selector", ".pane canvas")
    canvas.send_keys("b")
    time.sleep(FLIGHT_S)
    driver.find_element("css selector", "button[data-region='1']").click()
    time.sleep(FLIGHT_S)
    for _ in range(2):  # the region lies in the flank: some of the part around it tells more
        canvas.send_keys("-")
    ActionChains(driver).move_to_element(canvas).click().perform()
    driver.execute_script("document.querySelector('details.part').scrollIntoView()")
    time.sleep(FLIGHT_S)


def save(driver: Any, path: Path) -> None:
    """What the window shows, at two thirds of its size and with a palette."""
    picture = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    small = picture.resize((picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Score, open, and save both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of page.png and page-dark.png")
    out = parser.parse_args().out
    if why_absent():
        sys.exit(f"page_pictures: {why_absent()}")
    with tempfile.TemporaryDirectory() as folder, browser(width=WINDOW[0], height=WINDOW[1]) as driver:
        shown(driver, scored(Path(folder)))
        save(driver, out / "page.png")
        driver.find_element("id", "theme").click()  # light, then dark
        driver.find_element("id", "theme").click()
        driver.find_element("css selector", "[data-mode='deviation']").click()
        driver.execute_script("document.querySelector('details.part').scrollIntoView()")
        time.sleep(FLIGHT_S)
        save(driver, out / "page-dark.png")


if __name__ == "__main__":
    main()
