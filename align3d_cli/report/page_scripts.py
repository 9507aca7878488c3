"""The scripts of a page: three.js and our own files, one after the other, the only ones that its policy lets run."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

ROOM = "align3d_cli.report"
LIBRARY, LICENCE = "vendor/three.min.js", "vendor/LICENSE"
# Each knows those before it; one block around them all, so that their names are not those of the library's world
OWN = (
    "columns", "cloud", "shades", "stage", "pose", "flight", "pick", "ruler", "pane", "words", "twins", "controls",
    "keys", "viewer", "theme", "page",
)  # fmt: skip


@cache
def page_scripts() -> tuple[str, str]:
    """The library and our own script, as the page holds them between its tags."""
    library = f"/*\n{asset(LICENCE)}*/\n{asset(LIBRARY)}"  # its licence goes where it goes
    own = "\n".join(asset(f"viewer/{name}.js") for name in OWN)
    return library, f'"use strict";\n{{\n{own}}}\n'


def script_policy() -> str:
    """What of a Content-Security-Policy allows exactly these scripts, by their SHA-256: no other can run, were one of
    a file's words ever to become markup."""
    digests = (hashlib.sha256(script.encode()).digest() for script in page_scripts())
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def asset(name: str) -> str:
    """The text of a file of this room."""
    return files(ROOM).joinpath(name).read_text(encoding="utf-8")
