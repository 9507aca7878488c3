"""The program starts quickly and says who it is."""

import subprocess
import sys

HEAVY = ("torch", "open_clip", "torchvision", "numba", "scipy", "trimesh", "pyrender", "sklearn", "onnx", "onnxruntime")


def test_help_imports_nothing_heavy():
    """`align3d --help` exits 0 and leaves every heavy library unloaded."""
    code = (
        "import sys\nsys.argv = ['align3d', '--help']\nfrom align3d_cli.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    code = stop.code\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('exit', code or 0, 'loaded', loaded)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "exit 0 loaded []"
