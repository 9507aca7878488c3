"""The page in a real browser: everything on it can be done, and it agrees with the results that it was made from."""

import base64
import io
import json
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from chromium import browser, complaints_of, requests_of, why_absent
from PIL import Image

from align3d_cli.io.read_scores import read_scores
from align3d_cli.report.html import PartPage, TwinPage, html_page
from align3d_cli.report.points_payload import PagePoints, points_payload
from tests.report.results import REGION

from .conftest import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_absent()), reason=why_absent() or "a browser is there")]
NUMBER = r"(-?[\d.]+(?:e[+-]?\d+)?)"
QUIET_S = 0.3  # without a new picture: longer than the page waits before it draws all points again
PATIENCE_S = 60  # for a picture on a busy machine
SHADE = 12  # levels of 255: what half a pixel does to the light on a surface
PICTURE = """
const from = document.querySelectorAll('.pane canvas')[arguments[0]], to = document.createElement('canvas');
[to.width, to.height] = [from.width / 4, from.height / 4];
const context = to.getContext('2d');
context.imageSmoothingEnabled = false;
context.drawImage(from, 0, 0, to.width, to.height);
return to.toDataURL();
"""


@pytest.fixture(scope="module")
def scored(align3d, tmp_path_factory):
    """A folder with page.html, its results and heat maps: a dented chessman and a good one, by the shipped model."""
    folder = tmp_path_factory.mktemp("page")
    scans = [REPOSITORY / "examples/chessman" / name for name in ("dent/001.ply", "good/003.ply")]
    run = align3d("score", *scans, "--report", "page.html", "--out-dir", "heat", "--json", cwd=folder)
    assert run.code == 0, run.err
    (folder / "results.json").write_text(run.out)
    return folder


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests."""
    with browser(width=1000, height=800) as driver:
        yield driver


class Shown:
    """A page in the browser, its first part open."""

    def __init__(self, driver, path) -> None:
        self.driver = driver
        requests_of(driver), complaints_of(driver)  # those of pages before
        driver.get(path.as_uri())
        driver.execute_script("document.querySelector('details.part').open = true")
        self.until("document.querySelector('.viewer').dataset.state === 'ready'")
        self.settled()

    def until(self, condition: str) -> None:
        """Wait for what JavaScript says."""
        end = time.monotonic() + PATIENCE_S
        while not self.driver.execute_script(f"return Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.05)

    def one(self, selector: str):
        """The first element of the first part."""
        return self.driver.find_element("css selector", f"details.part {selector}")

    def text(self, selector: str) -> str:
        """Its words."""
        return self.one(selector).text

    def settled(self, pane: int = 0) -> np.ndarray:
        """(H, W, 4) the picture of a pane, every fourth row and column, once it stays as it is."""
        end, before, since = time.monotonic() + PATIENCE_S, "", time.monotonic()
        while time.monotonic() < end:
            now = self.driver.execute_script(PICTURE, pane)
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > QUIET_S:
                return np.asarray(Image.open(io.BytesIO(base64.b64decode(now.partition(",")[2]))))
            time.sleep(0.05)
        raise AssertionError("the picture does not come to rest")

    def drag(self, right: int, down: int, key: str | None = None) -> None:
        """Drag from the middle of the first picture."""
        actions = self.actions()
        if key:
            actions.key_down(key)
        actions.move_to_element(self.one("canvas")).click_and_hold().move_by_offset(right, down).release()
        if key:
            actions.key_up(key)
        actions.perform()

    def click_middle(self, right: int = 0, down: int = 0) -> str:
        """Click beside the middle of the first picture; returns what is said of the point."""
        self.actions().move_to_element_with_offset(self.one("canvas"), right, down).click().perform()
        self.until("document.querySelector('.picked').textContent.indexOf('click') < 0")
        return self.text(".picked")

    def press(self, keys: str) -> None:
        """Press keys on the first picture."""
        self.one("canvas").send_keys(keys)

    def actions(self):
        """What the mouse is to do, without selenium's quarter of a second for each move."""
        from selenium.webdriver.common.action_chains import ActionChains

        return ActionChains(self.driver, duration=20)


@pytest.fixture
def page(chromium, scored) -> Shown:
    """The page of the chessmen."""
    return Shown(chromium, scored / "page.html")


@pytest.fixture(scope="module")
def result(scored) -> dict:
    """The result of the dented chessman."""
    return json.loads((scored / "results.json").read_text())[0]


@pytest.fixture(scope="module")
def heat(scored, result):
    """Its heat map."""
    return read_scores(scored / result["output"])


def differ(one: np.ndarray, other: np.ndarray) -> float:
    """Share of pixels that are another colour, not merely another shade of it."""
    if one.shape != other.shape:
        return 1.0
    return float((np.abs(one.astype(int) - other) > SHADE).any(axis=2).mean())


def test_it_draws_and_asks_nothing(page):
    """Points in many colours, an empty console, and no address but the file's own."""
    picture = page.settled()
    assert len(np.unique(picture[picture[..., 3] > 0], axis=0)) > 100
    assert complaints_of(page.driver) == []
    asked = [address for address in requests_of(page.driver) if not address.startswith(("data:", "blob:", "chrome:"))]
    assert {address.rpartition("/")[2] for address in asked} == {"page.html"}


def test_no_other_script_runs(page):
    """Were markup to slip in, its script would be refused."""
    page.driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)"
    )
    assert page.driver.execute_script("return window.ran") is None
    assert any("Content Security Policy" in line for line in complaints_of(page.driver))


def test_mouse_and_keys_turn_move_and_zoom(page):
    """Each changes the picture, the scale bar follows the zoom, and 0 brings the whole part back."""
    first, ruler = page.settled(), page.text(".ruler")
    page.drag(90, 40)
    turned = page.settled()
    assert differ(first, turned) > 0.05
    page.drag(60, 0, key="\ue008")  # with shift
    moved = page.settled()
    assert differ(turned, moved) > 0.05
    page.press("\ue014\ue015\ue015")  # arrows: right, down, down
    turned = page.settled()
    page.press("++++++")
    assert differ(moved, turned) > 0.02 < differ(turned, page.settled()) and page.text(".ruler") != ruler
    page.press("0")
    page.until(f"document.querySelector('.ruler').textContent.trim() === {ruler!r}")
    assert differ(first, page.settled()) == 0


def test_a_picked_point_is_the_one_of_the_heat_map(page, result, heat):
    """Flown to its most severe region, the middle of the picture is there; score, place and region are the file's."""
    page.one("button[data-region='1']").click()
    time.sleep(0.6)  # the flight
    page.settled()
    said = page.click_middle()
    words = re.match(rf"score {NUMBER} · x {NUMBER}, y {NUMBER}, z {NUMBER}", said)
    numbers = [float(number) for number in words.groups()]
    away = np.linalg.norm(heat.xyz - numbers[1:], axis=1)
    row = int(away.argmin())
    assert away[row] < 2e-5 * max(result["extent"])
    assert numbers[0] == pytest.approx(heat.scores[row], abs=1e-4)
    assert said.endswith("region 1") and heat.regions[row] == 1
    region = result["regions"][0]
    size = np.linalg.norm(np.subtract(region["high"], region["low"]))
    assert np.linalg.norm(np.subtract(numbers[1:], region["centre"])) < size / 2
    assert page.one(".mark").is_displayed()
    page.press("0")
    page.settled()
    assert page.click_middle(10 - page.one("canvas").size["width"] // 2) == "no point there"


def test_a_picked_point_is_the_one_that_is_seen(page):
    """Where the picture is yellow the score is high, where it is navy it is low, wherever the points lie apart."""
    page.one("button[data-region='1']").click()
    time.sleep(0.6)
    picture = page.settled()
    part = picture[..., 3] == 255
    bright = part & (picture[..., 0] > 200) & (picture[..., 1] > 150)
    navy = part & (picture[..., 2] > 90) & (picture[..., 0] < 50)
    scores = {}
    for name, seen in (("bright", bright), ("navy", navy)):
        rows, columns = np.nonzero(seen)
        scores[name] = []
        for at in np.linspace(0, len(rows) - 1, 7).astype(int):
            right, down = columns[at] * 2 - picture.shape[1], rows[at] * 2 - picture.shape[0]
            said = page.click_middle(int(right), int(down))
            scores[name].append(float(re.match(rf"score {NUMBER}", said)[1]))
    assert min(scores["bright"]) > 0.35 > max(scores["navy"])


def test_the_slider_counts_what_the_heat_map_counts(page, heat):
    """All points are shown here, so the number is that of the file; the picture follows."""
    before = page.settled()
    page.driver.execute_script(
        "const s = document.querySelector('.slider input'); s.value = 500; s.dispatchEvent(new Event('input'))"
    )
    said = re.match(rf"from {NUMBER}: ([\d,]+) points", page.text("output"))
    assert abs(int(said[2].replace(",", "")) - int((heat.scores >= float(said[1])).sum())) <= 2
    assert differ(before, page.settled()) > 0.02


def test_colours_are_those_that_were_asked_for(page):
    """Heat map, the part itself, its regions: three pictures, by button and by key."""
    heat = page.settled()
    page.one("[data-mode='regions']").click()
    regions = page.settled()
    page.press("c")
    part = page.settled()
    assert min(differ(heat, regions), differ(regions, part), differ(part, heat)) > 0.005
    assert not page.one(".slider input").is_enabled() and not page.one(".scale.heat").is_displayed()
    page.press("h")
    assert differ(heat, page.settled()) == 0


def test_another_part_stands_beside_it_under_one_camera(page):
    """It appears when it is chosen, turns when the first one is turned, and goes when nothing is chosen."""
    page.press("b")
    page.until("!document.querySelectorAll('.pane')[1].hidden")
    before = page.settled(1)
    caption = page.driver.find_elements("css selector", ".caption")[1].text
    assert "good/003.ply" in caption and "in its own pose and size" in caption  # it is in metres
    page.drag(120, 30)
    assert differ(before, page.settled(1)) > 0.05
    page.press("b")
    page.until("document.querySelectorAll('.pane')[1].hidden")


def test_it_is_dark_where_the_system_or_the_reader_wants_it(page):
    """Background and words change places."""
    lightness = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert page.driver.execute_script(lightness) > 240
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert page.driver.execute_script(lightness) < 40
    button = page.driver.find_element("id", "theme")
    button.click()  # light, whatever the system says
    assert page.driver.execute_script(lightness) > 240
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    button.click()
    assert page.driver.execute_script(lightness) < 40


def test_it_prints_on_a4(page):
    """Picture, facts and regions, without what can only be pressed."""
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    seen = [page.one(part).is_displayed() for part in ("canvas", ".regions", ".controls", ".picked", "img.sheet")]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert seen == [True, True, False, False, True]
    how = {"preferCSSPageSize": True}
    data = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", how)["data"])
    sides = {tuple(map(float, box)) for box in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)}
    assert all(abs(width - 595) < 2 and abs(height - 842) < 2 for width, height in sides) and sides


def test_a_good_part_is_laid_onto_the_part(chromium, scored, result, tmp_path):
    """A twin in another pose shows the very picture of the part once both are grey; deviations have their colours."""
    ball = np.random.default_rng(0).normal(size=(3000, 3))
    ball *= np.array([3.0, 2.0, 1.0]) / np.linalg.norm(ball, axis=1, keepdims=True)
    turn = np.array([[0.0, -1.0, 0.0, 5.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 1.0]])
    own = points_payload(PagePoints(ball, np.full(3000, 0.5), deviation=ball[:, 0] / 10), np.eye(3), limit=3000)
    there = (ball - turn[:3, 3]) @ turn[:3, :3]
    twin = TwinPage("good.ply", points_payload(PagePoints(there, np.full(3000, np.nan)), np.eye(3), limit=3000), turn)
    (tmp_path / "twin.html").write_text(html_page("twin", [PartPage(result, None, "", own, twin=twin)]))
    page = Shown(chromium, tmp_path / "twin.html")
    page.press("cb")
    page.until("!document.querySelectorAll('.pane')[1].hidden")
    assert "laid onto this part" in page.driver.find_elements("css selector", ".caption")[1].text
    assert differ(page.settled(0), page.settled(1)) < 0.02
    grey = page.settled()
    page.press("d")
    blue_to_orange = page.settled()
    assert differ(grey, blue_to_orange) > 0.1 and page.one(".scale.deviation").is_displayed()
    assert "deviation" in page.click_middle()


def test_a_part_opens_from_the_side_of_its_first_region(chromium, result, tmp_path):
    """What glows on the far side of the first view is seen at once, and again when the whole part is asked for."""
    ball = np.random.default_rng(0).normal(size=(3000, 3))
    ball /= np.linalg.norm(ball, axis=1, keepdims=True)
    far = ball[:, 2] > 0.9  # the first view looks along z
    spot = replace(REGION, centre=(0.0, 0.0, 1.0), low=(-0.4, -0.4, 0.9), high=(0.4, 0.4, 1.0)).as_dict()
    points = PagePoints(ball, np.where(far, 1.0, 0.0), labels=far.astype(np.int32))
    payload = points_payload(points, np.eye(3), limit=3000, regions=[spot])
    told = result | {"regions": [spot]}
    (tmp_path / "far.html").write_text(html_page("far", [PartPage(told, None, "", payload)]))
    page = Shown(chromium, tmp_path / "far.html")
    assert page.click_middle().startswith("score 1")
    page.driver.execute_script("arguments[0].scrollIntoView()", page.one("canvas"))
    page.press(8 * "\ue012")  # of WebDriver, the arrow to the left
    page.settled()
    assert not page.click_middle().startswith("score 1")
    page.one("button[data-home]").click()
    time.sleep(0.6)
    page.settled()
    assert page.click_middle().startswith("score 1")


def test_without_3d_the_page_says_so(chromium, scored):
    """Numbers and pictures of the views remain."""
    script = {"source": "HTMLCanvasElement.prototype.getContext = () => null"}
    added = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", script)
    try:
        chromium.get((scored / "page.html").as_uri())
        chromium.execute_script("document.querySelector('details.part').open = true")
        time.sleep(0.5)
        text = chromium.find_element("css selector", "details.part .viewer").text
        assert "draws no 3D" in text and chromium.find_element("css selector", "img.sheet").is_displayed()
    finally:
        chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
