"""What the documents tell people to type exists, and what can be run at once is run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer

from align3d_cli.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = (  # not the changelog: what was typed then need not exist now
    "README.md",
    "CONTRIBUTING.md",
    "weights/README.md",
    "examples/README.md",
    "benchmarks/README.md",
    "align3d_cli/model/profiles/README.md",
)
PROGRAM = typer.main.get_command(app)


def commands_in(text: str) -> list[str]:
    """The `align3d ..` lines of code blocks, continued lines joined, without comments and what the shell does."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    found = re.findall(r"^ {0,4}(?:time |cat \S+ \| |\S*bin/)?(align3d [^\n]*)$", joined, re.MULTILINE)
    found += [f"{part} .." for part in re.findall(r"`(align3d [a-z-]+ [^`]*)`", joined)]  # a part of a command
    return [re.split(r" +#| *\|\||  +| > | < |; ", line)[0].strip() for line in found]


def documented() -> list[tuple[str, str]]:
    """(where, command) of all pages, of the script that trains the model and of every command's own examples."""
    found = [(page, line) for page in PAGES for line in commands_in((ROOT / page).read_text(encoding="utf-8"))]
    script = "weights/train.sh"
    found += [(script, line) for line in commands_of_script((ROOT / script).read_text(encoding="utf-8"))]
    for path, command in all_commands(PROGRAM, ()):
        text = (command.epilog or "").replace("\\[", "[")
        found += [(" ".join(("help", *path)), line) for line in commands_in(text)]
    return found


def commands_of_script(text: str) -> list[str]:
    """The `align3d ..` commands of a shell script: defaults for its variables, `..` for the arguments of a function."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*$", "", text, flags=re.MULTILINE))
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", joined).replace('"$@"', "..")
    filled = re.sub(r'"\$(seed|jobs)"', "1", filled).replace('"$device"', "cpu")
    return [line.strip() for line in re.findall(r"align3d [^\n]*", filled)]


def all_commands(command, path: tuple[str, ...]):
    """Every command below a group with its words, the group too."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from all_commands(inner, (*path, name))


def parsed(words: list[str]) -> None:
    """Parse words as the program would, without running anything; raises what typer raises of a call that is wrong."""
    command, name, parent = PROGRAM, "align3d", None
    while True:
        context = command.make_context(name, list(words), parent=parent, resilient_parsing=False)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not hasattr(command, "commands") or not rest or rest[0] not in command.commands:
            return
        name, command, words, parent = rest[0], command.commands[rest[0]], rest[1:], context


@pytest.mark.parametrize(("where", "line"), sorted(set(documented())))
def test_every_command_of_the_documents_can_be_typed(where, line, tmp_path, monkeypatch):
    """Options that were renamed, values that are no choice: the documents would lie."""
    (tmp_path / "align3d.toml").write_text("[score]\n")  # the file of --config, which is read with the words
    monkeypatch.chdir(tmp_path)
    words = [word for word in shlex.split(line)[1:] if word not in ("..", "...")]
    if not words or any(word.isupper() and len(words) == 1 for word in words):
        return
    try:
        parsed(words)
    except Exception as error:  # classes of typer, which carries a click of its own or not
        kind = type(error).__name__
        elided = kind == "MissingParameter" and (".." in line or len(words) <= 2)
        assert kind == "Exit" or elided, f"{where}: {line}: {error}"


@pytest.mark.slow
@pytest.mark.parametrize("line", commands_in((ROOT / "examples/README.md").read_text(encoding="utf-8"))[2:])
def test_the_commands_of_the_examples_run(line, tmp_path):
    """Each writes the heat map it names."""
    words = [str(ROOT / word) if word.startswith("examples/") else word for word in shlex.split(line)[1:]]
    subprocess.run([sys.executable, "-m", "align3d_cli", *words], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / words[words.index("--out") + 1]).stat().st_size > 1000


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path):
    """As it stands, but for the data sets that only the reader has."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    lines = [line for line in code.splitlines() if "calibrate(" not in line and "benchmark(" not in line]
    for name in ("part.ply", "a.ply", "b.ply"):
        shutil.copy(ROOT / "examples/chessman/dent/001.ply", tmp_path / name)
    for number, name in enumerate(("good1.ply", "good2.ply")):
        shutil.copy(ROOT / f"examples/shaft/good/{number:03d}.ply", tmp_path / name)
    rows = np.random.default_rng(0).integers(0, 255, (200, 6))
    np.savetxt(tmp_path / "table.csv", rows, delimiter=",", fmt="%d")
    code = "\n".join(lines)
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("defective") == 3 and (tmp_path / "heatmap.ply").is_file()


def test_links_of_the_documents_lead_somewhere():
    """Every relative link and picture is a file of the project, every anchor a heading of its page."""
    broken = []
    for page in (*PAGES, "ARCHITECTURE.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#\s]*)(?:#[^)]*)?\)", text):
            if link and not link.startswith("http") and not ((ROOT / page).parent / link).exists():
                broken.append(f"{page}: {link}")
    assert not broken


@pytest.mark.parametrize(
    "wrong", ["score a.ply --nope", "score a.ply --device tpu", "weights fetch x --foo", "calibrate"]
)
def test_a_wrong_command_would_be_noticed(wrong):
    """The check above is one that can fail."""
    with pytest.raises(Exception, match=r"No such option|not one of|Missing parameter"):
        parsed(shlex.split(wrong))
