"""A call that cannot be parsed is answered as everything else is: in one line, with exit code 2."""

import re
import sys
from collections.abc import Iterator
from typing import get_args, get_type_hints

import pytest
import typer

from align3d_cli.cli.app import app, main
from align3d_cli.encoders.lite_trunk import VARIANTS
from align3d_cli.encoders.settings import LiteVariant
from align3d_cli.helpers.settings import SEEDS

NOT_NUMBERS = ("nan", "inf", "-inf", "1e400", "-0.1", "x")
NOTHING = "an empty word is given; leave it out, or set the variable it comes from"
TOO_LARGE = str(10**30)


def numeric_options(command, path=()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Command and option of every option that takes numbers, of a command and those below it."""
    for name, inner in getattr(command, "commands", {}).items():
        yield from numeric_options(inner, (*path, name))
    hints = get_type_hints(command.callback) if command.callback else {}
    for param in command.params:
        kinds = {hints.get(param.name), *get_args(hints.get(param.name))}
        if kinds & {int, float}:
            yield path, param.opts[0]


OPTIONS = list(numeric_options(typer.main.get_command(app)))


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """`refused(*words)`: the one line that a call ends with; its exit code is 2, and nothing is written."""

    def run(*words: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["align3d", *words])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == 2 and said.out == "", (words, said.err)
        assert re.fullmatch(r"error: [^\n]+\n", said.err), (words, said.err)
        assert not list(tmp_path.iterdir())
        return said.err.removeprefix("error: ").rstrip("\n")

    return run


def test_all_options_that_take_numbers_are_found():
    """The table below is of the program as it is, not of a list that somebody keeps."""
    found = {option for _, option in OPTIONS}
    assert {"--fail-above", "--focal", "--seed", "--share", "--lambda", "--jobs"} <= found and len(OPTIONS) > 50


@pytest.mark.parametrize(("path", "option"), OPTIONS, ids=str)
def test_no_option_takes_what_is_no_number(refused, path, option):
    """NaN, infinity (also as 1e400), a fraction below zero, a word: the option, the value, what to give."""
    for value in NOT_NUMBERS:
        line = refused(*path, f"{option}={value}")
        assert line.startswith(option) and ": give a " in line, line


@pytest.mark.parametrize(
    ("path", "option"),
    [(path, option) for path, option in OPTIONS if "seed" in option],
)
def test_seeds_are_what_every_generator_takes(refused, path, option):
    """Larger ones end in torch with an overflow."""
    assert f"{SEEDS.most:,}" in refused(*path, f"{option}={TOO_LARGE}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["score", "a.ply", "--fail-above", "2"], "--fail-above 2: give a number of at least 0 and at most 1"),
        (["score", "a.ply", "--fail-above", "nan"], "--fail-above nan: give a number of at least 0 and at most 1"),
        (["score", "a.ply", "--seed", "2.5"], f"--seed 2.5: give a whole number {SEEDS}"),
        (["benchmark", "--seeds", "0", "x"], f"--seeds: give a whole number {SEEDS}"),
        (["benchmark", "--category", "--json"], "--category: give a value, or several"),
        (["score", ""], f"score: {NOTHING}"),
        (
            ["score", "a.ply", "--out="],
            "--out: an empty word is given; leave it out, or set the variable it comes from",
        ),
        (["score", "a.ply", "--report", "a\nb"], r"--report a\nb: is written as HTML; end its name with .html"),
        (["score", "a.ply", "--focal", "1,5"], "--focal 1,5: give a number"),
        (["tune", "--size=1" + 30 * "0"], f"--size {10**30}: give a number of at least 32 and at most 4,096"),
        (["score"], "Missing argument 'INPUT...'; see `align3d score --help`"),
        (["frob"], "No such command 'frob'; see `align3d --help`"),
        (["--frob"], "No such option: --frob; see `align3d --help`"),
        (["weights", "lst"], "No such command 'lst'. Did you mean 'list'?; see `align3d weights --help`"),
    ],
)
def test_the_line_says_what_was_typed_and_what_to_give(refused, words, line):
    """The option and its value, then the numbers it takes; for all else typer's own words and where the help is."""
    assert refused(*words) == line


@pytest.mark.parametrize(
    ("words", "findings"),
    [
        (["score", "a.ply", "--device", "tpu"], ["--device tpu: ", "'cuda'", "align3d score --help"]),
        (["score", "a.ply", "--frob"], ["--frob", "--force", "align3d score --help"]),
        (["score", "a.ply", "--fail-above"], ["--fail-above", "requires an argument", "--help"]),
        (["score", "a.ply", "--json=3"], ["--json", "--help"]),
    ],
)
def test_words_that_the_library_chooses(refused, words, findings):
    """Choices, unknown options, missing and superfluous values: what it says differs with its version."""
    line = refused(*words)
    assert all(finding in line for finding in findings), line


def test_a_command_without_a_word_shows_its_help(monkeypatch, capsys):
    """That is no refusal in one line: `align3d weights` alone asks what there is."""
    monkeypatch.setattr(sys, "argv", ["align3d", "weights"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr()
    assert "Commands" in said.out + said.err and "error:" not in said.err


def test_the_sizes_of_the_trunk_are_those_there_are():
    """`tune --variant` offers what can be built."""
    assert get_args(LiteVariant) == tuple(VARIANTS)


def test_help_keeps_what_stands_in_brackets(capsys):
    """Rich would take the name of a table for markup and leave it out."""
    with pytest.raises(SystemExit):
        app(["score", "--help"])
    assert "below [score]" in " ".join(capsys.readouterr().out.replace("│", " ").split())
