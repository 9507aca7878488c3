"""What people copy into their pipelines does what it says."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CI = ROOT / "examples" / "ci"


def workflow() -> dict:
    return yaml.safe_load((CI / "score.yml").read_text(encoding="utf-8"))["jobs"]["score"]


def shell_of(step: str) -> str:
    """The shell lines of a step."""
    return next(one["run"] for one in workflow()["steps"] if one.get("name") == step)


def instructions() -> list[tuple[str, str]]:
    """(word, rest) of the Dockerfile's lines, continued ones joined."""
    text = re.sub(r"\\\n", " ", (CI / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


@pytest.mark.slow
def test_the_workflow_scores_the_shipped_chessmen(tmp_path):
    """Its own shell lines, as GitHub runs them: the dented one fails, and the tables and heat maps are there."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "align3d"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m align3d_cli "$@"\n')
    program.chmod(0o755)
    (tmp_path / "scans").symlink_to(ROOT / "examples" / "chessman")
    (tmp_path / "align3d.toml").write_bytes((CI / "align3d.toml").read_bytes())
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | workflow()["env"] | {"PYTHONPATH": paths, "PATH": path}
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", shell_of("Score")]
    done = subprocess.run(shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "fail_above = 0.7" in done.stdout and "# file align3d.toml" in done.stdout
    suite = Xml.parse(tmp_path / "results.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert (tmp_path / "results.html").is_file() and len((tmp_path / "results.csv").read_text().splitlines()) == 3
    assert len(list((tmp_path / "heat").rglob("*.ply"))) == 2


def test_the_results_are_kept_whatever_the_score():
    """The artifacts are those that the shell lines write, and the step runs after a failure too."""
    keep = workflow()["steps"][-1]
    assert keep["if"] == "always()" and keep["with"]["path"].split() == ["heat", "results.*"]
    words = shlex.split(shell_of("Score").splitlines()[-1])
    assert {word for word in words if word.startswith(("heat", "results."))} == {
        "heat", "results.xml", "results.csv", "results.html"
    }  # fmt: skip


def test_options_of_the_file_are_options():
    """The example of --config holds what `score` knows."""
    from align3d_cli.cli.score_call import ScoreCall

    stated = tomllib.loads((CI / "align3d.toml").read_text(encoding="utf-8"))
    assert set(stated) == {"score"} and set(stated["score"]) <= set(ScoreCall.__dataclass_fields__)


def test_the_container_recipe_is_well_formed():
    """Instructions that exist, in a sensible order, torch from the index of CPU builds as in the workflow. It is read
    here, not built."""
    words = [word for word, _ in instructions()]
    assert words == ["FROM", "RUN", "COPY", "COPY", "COPY", "RUN", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"]
    rest = dict(instructions())
    assert rest["FROM"] == "python:3.11-slim" and rest["ENTRYPOINT"] == '["align3d"]'
    copied = [name for word, line in instructions() if word == "COPY" for name in line.split()[:-1]]
    assert all((ROOT / name).exists() for name in copied)
    torch = next(line for line in shell_of("Install").splitlines() if "torch" in line)
    assert torch.removeprefix("pip install ") in instructions()[1][1]
