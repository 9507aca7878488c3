"""CLIP weights of one's own that a model was made with: known by name and SHA-256, never by their place.

The file is looked for by name and counts only when it has that hash, since another CLIP would score in silence.
"""

import warnings
from pathlib import Path

from align3d_cli.errors import EnvironmentMissing, WeightsRejected
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.manifest import SHA256
from align3d_cli.helpers.places import WEIGHTS_VARIABLE, cache_dir, given_weights, note_place, noted_place, weights_dirs
from align3d_cli.model.bundle import Bundle


def name_weights(path: Path) -> dict[str, str]:
    """How a model names a file of CLIP weights: by name and hash. Where it lies is noted in this machine's cache.

    Raises EnvironmentMissing for no such file.
    """
    if not path.is_file():
        raise EnvironmentMissing(f"{path}: no such weights file; give one that exists or leave --weights out")
    digest = sha256_of(path)
    note_place(digest, path)
    return {"weights": path.name, "weights_sha256": digest}


def weights_of(bundle: Bundle) -> Path | None:
    """The file of CLIP weights that a model was made with; None where it was made with those of an open_clip tag.

    Looked for where ALIGN3D_WEIGHTS says, else beside the model, among shipped and fetched weights and where it lay
    when this machine made a model with it. Raises WeightsRejected when only files of another hash are found,
    EnvironmentMissing when none is. A model that names a path and no hash gets that path, with a warning.
    """
    name, wanted = bundle.encoder.get("weights"), bundle.encoder.get("weights_sha256")
    if name is None:
        return None
    model = bundle.called
    if wanted is None and isinstance(name, str):
        warnings.warn(f"{model}: names its CLIP weights by a path alone, so {name} is not checked", stacklevel=2)
        return Path(name)
    if not isinstance(name, str) or not isinstance(wanted, str) or not SHA256.fullmatch(wanted):
        raise WeightsRejected(f"{model}: names its CLIP weights in no known way; make the model again")
    there = [path for path in _places(bundle, Path(name).name, wanted) if path.is_file()]
    for path in there:
        if sha256_of(path) == wanted:
            return path
    if there:
        finding = f"{there[0]}: SHA-256 is not the {wanted[:12]}.. of the weights that {model} was made with"
        raise WeightsRejected(f"{finding}; name the right file with {WEIGHTS_VARIABLE}")
    finding = f"{model}: its CLIP weights {Path(name).name} (SHA-256 {wanted}) are not on this machine"
    raise EnvironmentMissing(f"{finding}; put them in {cache_dir()} or name the file with {WEIGHTS_VARIABLE}")


def _places(bundle: Bundle, name: str, digest: str) -> list[Path]:
    if given := given_weights(name):
        return [given]
    folders = ([bundle.path.parent] if bundle.path else []) + weights_dirs()
    noted = noted_place(digest)
    return [folder / name for folder in folders] + ([noted] if noted else [])
