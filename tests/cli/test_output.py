"""What happens to results that nobody takes: a full disk, a pipe without reader, closed streams."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # each test starts programs

FULL = "/dev/full"
needs_full = pytest.mark.skipif(not os.path.exists(FULL), reason="this system has no /dev/full")


def call(*arguments, stdout: str | None = None, redirect: str = "") -> subprocess.CompletedProcess:
    """A run of the program whose standard output goes to a file, or that the shell redirects."""
    command = [sys.executable, "-m", "align3d_cli", *map(str, arguments)]
    if redirect:
        command = ["sh", "-c", f'"$@" {redirect}', "sh", *command]
    with open(stdout or os.devnull, "wb") as stream:
        return subprocess.run(command, stdout=stream, stderr=subprocess.PIPE, text=True, timeout=120, check=False)


@needs_full
@pytest.mark.parametrize("options", [("--json",), ("--jsonl",), (), ("--out", "-", "--format", "ply")])
def test_scores_on_a_full_disk_end_with_5(write_ball, model, tmp_path, options):
    """The result is lost, so the call failed: one line and exit code 5, whatever form the result has."""
    write_ball(tmp_path / "ball.ply")
    run = call("score", tmp_path / "ball.ply", "--model", model, *options, stdout=FULL)
    assert run.returncode == 5
    assert run.stderr.startswith("error: standard output: cannot be written"), run.stderr
    assert run.stderr.count("\n") == 1


@needs_full
@pytest.mark.parametrize("arguments", [("--help",), ("score", "--help"), ("--version",), ("weights", "list")])
def test_words_on_a_full_disk_end_with_5(arguments):
    """Help and lists are results too."""
    run = call(*arguments, stdout=FULL)
    assert run.returncode == 5
    assert run.stderr.startswith("error: ") and ": cannot be written (No space left" in run.stderr, run.stderr
    assert run.stderr.count("\n") == 1


def test_a_pipe_without_reader_is_no_error(write_ball, model, tmp_path):
    """`| head -0` costs the lines, not the heat map, and nothing is said."""
    write_ball(tmp_path / "ball.ply")
    heat = tmp_path / "heat.ply"
    run = call("score", tmp_path / "ball.ply", "--model", model, "--out", heat, "--json", redirect="| head -c 0")
    assert (run.returncode, run.stderr) == (0, "")
    assert heat.is_file()


@pytest.mark.parametrize("redirect", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_change_no_exit_code(redirect):
    """A service without standard streams gets the same exit codes, and talk does not end up in the result."""
    assert call("--version", redirect=redirect).returncode == 0
    refused = subprocess.run(
        ["sh", "-c", f'"$@" {redirect}', "sh", sys.executable, "-m", "align3d_cli", "score", "absent.ply"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert (refused.returncode, refused.stdout) == (4, b"")
