"""The structure that ARCHITECTURE.md promises: rooms import downwards only, and nothing goes in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "align3d_cli"
FLOORS = (
    {"errors"},
    {"helpers"},
    {"clouds", "metrics"},
    {"io", "render", "matching", "regions"},
    {"encoders", "synthetic"},
    {"model", "datasets"},
    {"report", "hub", "training", "reference"},
    {"running", "tuning"},
    {"evaluation"},
    {"cli"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
ENTRANCES = ("", "__main__")  # the package's own two modules: they hand out what lies in the rooms


def modules() -> dict[str, ast.Module]:
    """Every module of the package by its name below the package, parsed."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports_of(tree: ast.Module, known: dict[str, ast.Module]) -> set[str]:
    """The package's modules that a module imports, anywhere in it, under TYPE_CHECKING or in a function too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            base = (node.module or "").partition(".")[2]
            for name in node.names:
                inner = f"{base}.{name.name}".lstrip(".")
                found.add(inner if inner in known else base)
        elif isinstance(node, ast.Import):
            found |= {n.name.partition(".")[2] for n in node.names if n.name.split(".")[0] == PACKAGE.name}
    return found - {""}


MODULES = modules()
IMPORTS = {name: imports_of(tree, MODULES) for name, tree in MODULES.items()}


def test_every_room_has_its_floor():
    """A new room is entered here and in ARCHITECTURE.md, or it is none."""
    rooms = {name.split(".")[0] for name in MODULES if name not in ENTRANCES}
    assert rooms == set(FLOOR_OF)


@pytest.mark.parametrize("room", sorted(FLOOR_OF))
def test_a_room_imports_from_lower_floors_only(room):
    """No arrow up, none between rooms of one floor."""
    wrong = [
        f"{name} -> {other}"
        for name, others in IMPORTS.items()
        for other in others
        if name.split(".")[0] == room != other.split(".")[0] and FLOOR_OF[other.split(".")[0]] >= FLOOR_OF[room]
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle():
    """Within a room too: what is left after taking away all modules that import nothing that is left is a circle."""
    left = {name: set(others) - {name} for name, others in IMPORTS.items() if name not in ENTRANCES}
    while leaves := [name for name, others in left.items() if not others & left.keys()]:
        for name in leaves:
            del left[name]
    assert not left


def test_functions_stay_short():
    """Nothing above 80 lines: what does not fit into a head is split along the way that data takes."""
    long = [
        f"{name}.{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > 80
    ]
    assert not long


def public_parts(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Functions, classes and methods without an underscore before their names; what lies in a function is its own."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list):
                yield f"{within}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public_parts(node, f"{within}{node.name}.")


def test_everything_public_says_what_it_is():
    """A docstring for every module, and for every function, class and method that others may use."""
    silent = [name for name, tree in MODULES.items() if not ast.get_docstring(tree)]
    silent += [
        f"{name}.{part}"
        for name, tree in MODULES.items()
        for part, node in public_parts(tree)
        if not ast.get_docstring(node)
    ]
    assert not silent
