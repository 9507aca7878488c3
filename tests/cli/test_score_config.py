"""Options of `align3d score` out of a file and of variables, and where each value came from."""

import os
import re
import sys
import tomllib

import pytest
import typer

from align3d_cli.cli.app import app, main
from align3d_cli.cli.score_config import OF_THE_CALL, config_text

SCORE = typer.main.get_command(app).commands["score"]
FOREIGN = {"ALIGN3D_CACHE", "ALIGN3D_DATA", "ALIGN3D_OFFLINE", "ALIGN3D_WEIGHTS", "ALIGN3D_TEST_DATA"}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    """The machine's own variables say nothing here."""
    for name in [name for name in os.environ if name.startswith("ALIGN3D_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def told(tmp_path, monkeypatch):
    """`told(words, file=.., **variables)`: the lines of --print-config by option, and all of it."""

    def run(*words: str, file: str = "", **variables: str) -> tuple[dict[str, str], str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        path = tmp_path / "align3d.toml"
        path.write_text(file)
        context = SCORE.make_context("score", ["part.ply", "--config", str(path), *words])
        text = config_text(context, {"views": "9 views, auto"}).replace(str(path), "align3d.toml")
        return {re.split(r"[ :=]", line.removeprefix("# "))[0]: line for line in text.splitlines()[1:]}, text

    return run


def squeezed(line: str) -> str:
    return " ".join(line.split())


def test_what_is_typed_comes_before_variable_file_model_and_default(told):
    """Each step of the order, and every line says which step it was."""
    file = '[score]\nseed = 1\nunit = "m"\ndevice = "cpu"\nfail-above = 0.7\ngood = "good/"\nquiet = true\n'
    lines, _ = told("--seed", "3", file=file, ALIGN3D_SEED="2", ALIGN3D_UNIT="mm", ALIGN3D_FORCE="1")
    assert squeezed(lines["seed"]) == "seed = 3 # flag"
    assert squeezed(lines["unit"]) == 'unit = "mm" # variable ALIGN3D_UNIT'
    assert squeezed(lines["force"]) == "force = true # variable ALIGN3D_FORCE"
    assert squeezed(lines["fail_above"]) == "fail_above = 0.7 # file align3d.toml"
    assert squeezed(lines["good"]) == 'good = ["good/"] # file align3d.toml'
    assert squeezed(lines["views"]) == "# views: 9 views, auto # model"
    assert squeezed(lines["background"]) == 'background = "auto" # default'
    assert lines["out_dir"] == "# out_dir: not set"


def test_what_is_printed_is_taken_back(told):
    """The lines are a file of options: read again, every value is the same and comes from the file."""
    _, text = told("--out-dir", 'heat "1"', "--good", "a.ply", "--good", "b.ply", "--fail-above", "0.25")
    lines, again = told(file=text)
    assert tomllib.loads(again) == tomllib.loads(text)
    assert tomllib.loads(text)["score"]["out_dir"] == 'heat "1"'
    assert all("# file" in line for line in lines.values() if not line.startswith("#"))


def test_every_option_is_printed(told):
    """None is forgotten; no variable of an option is one that means something else."""
    lines, _ = told()
    names = {str(option.name) for option in SCORE.params} - set(OF_THE_CALL)
    assert set(lines) == names
    assert not {f"ALIGN3D_{name.upper()}" for name in names} & FOREIGN


@pytest.mark.parametrize(
    ("file", "finding"),
    [
        ("[score]\nsed = 1", "{}: score.sed: no such option; did you mean seed?"),
        ("[score]\nconfig = 'a'", "{}: score.config: no such option; "),
        ("[scores]\nseed = 1", "{}: scores: is not known here; write options below [score]"),
        ("score = 1", "{}: score: is no section; write options below [score]"),
        ("[score]\nseed = 'x'", "{}: seed: give a whole number of at least 0"),
        ("[score]\nseed = -1", "{}: seed: give a number of at least 0"),
        ("[score]\nfail_above = nan", "{}: fail_above: "),
        ("[score]\nforce = 1", "{}: force: give true or false"),
        ("[score]\nunit = true", "{}: unit: give a value, not true or false"),
        ("[score]\nmodel = ['a']", "{}: model: give one value"),
        ("[score]\ndevice = 'tpu'", "{}: device: 'tpu' is not one of "),
        ("[score", "{}: is no TOML ("),
        ("\xff", "{}: is no UTF-8 text; save it as such"),
    ],
)
def test_a_wrong_file_is_told_in_one_line_with_the_key(monkeypatch, capsys, tmp_path, file, finding):
    """Before anything is read; the file is named, then the key, then what it takes."""
    path = tmp_path / "a.toml"
    path.write_bytes(file.encode("latin-1"))
    monkeypatch.setattr(sys, "argv", ["align3d", "score", "part.ply", "--config", str(path)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert end.value.code == 2 and said.out == ""
    assert said.err.startswith(f"error: {finding.format(path)}") and said.err.count("\n") == 1, said.err


def test_a_wrong_variable_is_told_by_its_name(monkeypatch, capsys):
    """Nobody typed the option."""
    monkeypatch.setenv("ALIGN3D_SEED", "x")
    monkeypatch.setattr(sys, "argv", ["align3d", "score", "part.ply"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.startswith("error: ALIGN3D_SEED x: give a whole number of at least 0")


@pytest.mark.slow
def test_a_file_decides_as_flags_do(align3d, model, parts):
    """A part above the limit of the file ends with 3; --print-config scores nothing and asks the model for the rest."""
    (parts / "line.toml").write_text(f'[score]\nfail_above = 0\nmodel = "{model}"\njson = true\n')
    run = align3d("score", parts / "ball.ply", "--config", parts / "line.toml")
    assert run.code == 3 and run.out.startswith("{"), run.err
    run = align3d("score", parts / "ball.ply", "--model", model, "--print-config", ALIGN3D_OUT_DIR="heat")
    assert run.code == 0 and "# fail_above: limit 0.500" in run.out and "# views: 4 views, " in run.out
    assert 'out_dir = "heat"' in run.out and not (parts / "heat").exists()
