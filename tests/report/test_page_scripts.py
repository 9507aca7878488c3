"""The scripts of the page: all there, none forgotten, and of the library only what they use."""

import re
from pathlib import Path

import align3d_cli.report
from align3d_cli.report.page_scripts import OWN, page_scripts

ROOM = Path(align3d_cli.report.__file__).parent
LINES = 180  # of a file, and characters of a line: as of the Python here
WIDTH = 120


def test_every_script_is_on_the_page():
    """A new file takes its place in the order, or it is none."""
    assert sorted(OWN) == sorted(path.stem for path in (ROOM / "viewer").glob("*.js"))


def test_scripts_are_as_short_as_the_rest_of_the_code():
    """One noun a file, which begins with what it is."""
    for path in (ROOM / "viewer").glob("*.js"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("// ") and len(lines) <= LINES, path.name
        assert max(map(len, lines)) <= WIDTH, path.name


def test_the_library_is_cut_to_what_the_scripts_use():
    """What its entry names is used, and what is used is named there."""
    entry = re.search(r"\{(.*?)\}", (ROOM / "vendor/three_entry.js").read_text(), re.DOTALL)[1]
    named = {name.strip() for name in entry.split(",") if name.strip()}
    assert set(re.findall(r"THREE\.(\w+)", page_scripts()[1])) == named


def test_the_library_is_the_version_that_stands_beside_it():
    """Its own revision is that of the page that says how it was made, and it carries its notice."""
    text, told = (ROOM / "vendor/three.min.js").read_text(), (ROOM / "vendor/README.md").read_text()
    version = re.search(r"three\.js 0\.(\d+)\.\d+", told)[1]
    assert f'"{version}"' in text and "SPDX-License-Identifier: MIT" in text
    assert f"three@0.{version}." in told


def test_scripts_can_stand_in_a_page():
    """Nothing in them ends a script or begins a comment of HTML."""
    for script in page_scripts():
        assert not re.search(r"</script|<script|<!--", script, re.IGNORECASE)
