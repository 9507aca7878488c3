"""Small coloured scans for the training commands: wavy plates, every second one with a labelled bump."""

import numpy as np

SIDE = 40


def write_plate(path, seed: int, bump: bool, colour: bool = True) -> np.ndarray:
    """A ply of a wavy plate of 40 x 40 points, with a bump or without; returns its labels."""
    rng = np.random.default_rng(seed)
    u, v = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    distance = np.hypot(u - rng.uniform(-0.5, 0.5), v - rng.uniform(-0.5, 0.5))
    z = 0.05 * np.sin(3 * u) + bump * 0.3 * np.exp(-((distance / 0.2) ** 2))
    columns = [("x", "<f4", u), ("y", "<f4", v), ("z", "<f4", z)]
    if colour:
        columns += [(name, "u1", 100 + 60 * z + rng.normal(0, 5, u.shape)) for name in ("red", "green", "blue")]
    rows = np.zeros(u.size, [(name, kind) for name, kind, _ in columns])
    for name, _, values in columns:
        rows[name] = values.ravel()
    kinds = {"<f4": "float", "u1": "uchar"}
    header = "".join(f"property {kinds[kind]} {name}\n" for name, kind, _ in columns)
    start = f"ply\nformat binary_little_endian 1.0\nelement vertex {u.size}\n{header}end_header\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(start.encode() + rows.tobytes())
    return (distance < 0.3).ravel() & bump


def write_folder(root, n: int = 4, colour: bool = True):
    """<root>/{good,bump}/*.ply and <root>/gt/bump/*.npy"""
    for i in range(n):
        kind = "bump" if i % 2 else "good"
        label = write_plate(root / kind / f"{i:03d}.ply", i, bool(i % 2), colour)
        if i % 2:
            (root / "gt" / kind).mkdir(parents=True, exist_ok=True)
            np.save(root / "gt" / kind / f"{i:03d}.npy", label)
    return root
