"""The hub starts fast: what fetches and lists needs no torch."""

import subprocess
import sys

PROGRAM = """
import sys
import align3d_cli.encoders.sources
import align3d_cli.hub.fetch
import align3d_cli.hub.installed
import align3d_cli.hub.transfer
print(sorted({"torch", "open_clip"} & sys.modules.keys()))
"""


def test_fetching_imports_no_torch():
    """Nor open_clip: seconds that a download does not have to wait for."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stdout + run.stderr
