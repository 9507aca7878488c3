"""Every refusal and every note that a user can meet when a scan is read, by case: python -m tests.messages --write

The messages stand in messages.json as text, to be reviewed as such. A refusal is one line, notes are a list; of paths
only the file's name is kept.
"""

import json
import sys
import tempfile
from pathlib import Path

from align3d_cli.errors import Align3DError

from .message_cases import arrays, commands, files, gltf, labels, meshes, pcd, ply, prepared, tables, tiff
from .message_cases.case import Case

SNAPSHOT = Path(__file__).with_name("messages.json")
GROUPS = {
    "file": files.CASES,
    "table": tables.CASES,
    "numpy": arrays.CASES,
    "ply": ply.CASES,
    "pcd": pcd.CASES,
    "tiff": tiff.CASES,
    "stl": meshes.STL_CASES,
    "obj": meshes.OBJ_CASES,
    "off": meshes.OFF_CASES,
    "glb": gltf.CASES,
    "prepared": prepared.CASES,
    "labels": labels.CASES,
    "command": commands.CASES,
}
CASES: dict[str, Case] = {f"{group}: {name}": case for group, cases in GROUPS.items() for name, case in cases.items()}


def said(case: Case) -> str | list[str]:
    """The refusal of a case, or what is noted about it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            got = case(Path(folder))
        except Align3DError as error:
            return str(error).replace(f"{folder}/", "")
        return [*getattr(got, "notes", ()), *getattr(got, "doubts", ())]


def snapshot() -> dict[str, str | list[str]]:
    """The messages as they were last reviewed."""
    return json.loads(SNAPSHOT.read_text(encoding="utf-8"))


def main() -> None:
    """Print what all cases say, or write it to the snapshot."""
    text = json.dumps({name: said(case) for name, case in CASES.items()}, indent=2, ensure_ascii=False) + "\n"
    if "--write" in sys.argv:
        SNAPSHOT.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
