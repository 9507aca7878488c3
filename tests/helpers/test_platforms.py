"""The package can be imported where Linux is not: nothing in it needs what only one system has."""

import os
import subprocess
import sys

import pytest

from align3d_cli.helpers.cpus import usable_cpus

IMPORT_ALL = """
import builtins, importlib, os, pkgutil
import numba, scipy, torch, trimesh  # these know what to do on every system

only_here = {"fcntl", "grp", "posix", "pwd", "resource", "termios", "tty"}
plain_import = builtins.__import__

def without(name, globals=None, *rest, **more):
    asker = (globals or {}).get("__name__", "")
    if name in only_here and asker.startswith("align3d_cli"):
        raise ImportError(f"{asker} needs {name}")
    return plain_import(name, globals, *rest, **more)

builtins.__import__ = without
del os.sched_getaffinity
import align3d_cli

for module in pkgutil.walk_packages(align3d_cli.__path__, "align3d_cli."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

from align3d_cli.helpers.cpus import usable_cpus
print(usable_cpus() == (os.cpu_count() or 1))
"""


@pytest.mark.slow
def test_every_module_is_imported_without_what_only_linux_has():
    """Neither fcntl and its kind nor os.sched_getaffinity is needed; without it all cores count."""
    run = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "True"


def test_cores_are_those_this_process_is_held_to():
    """A process held to one core counts one."""
    code = (
        "import os\nfrom align3d_cli.helpers.cpus import usable_cpus\n"
        "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\nprint(usable_cpus())"
    )
    if hasattr(os, "sched_setaffinity"):
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "1"
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)
