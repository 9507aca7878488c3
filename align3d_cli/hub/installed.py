"""What weights this machine has, and whether a load would take them."""

from collections.abc import Sequence
from pathlib import Path

from align3d_cli.errors import EnvironmentMissing, InputRejected, UsageError
from align3d_cli.helpers.manifest import WEIGHTS_SUFFIXES, require_stated, safetensors_metadata, sidecar_of, stated
from align3d_cli.model.find import ONNX_SUFFIX


def inventory(folders: Sequence[Path]) -> list[Path]:
    """Weights files of the folders that there are, in search order; unfinished transfers are left out."""
    found = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    suffixes = {*WEIGHTS_SUFFIXES, ONNX_SUFFIX}
    return [p for p in found if p.suffix in suffixes and not p.name.startswith(".") and p.is_file()]


def state_of(path: Path) -> tuple[str, str]:
    """(state, detail) of a file: "verified", "unstated" where nobody has told its hash, "damaged" or "incomplete".

    Damaged is whatever a load refuses: another hash or size than stated, a header or tensors that cannot be read,
    settings of a model that are none, tensors that do not fit them. Incomplete is a model whose CLIP is not here.
    """
    try:
        require_stated(path)
        _load(path)
        known = stated(path)
    except EnvironmentMissing as error:
        return "incomplete", str(error)
    except (InputRejected, UsageError) as error:
        return "damaged", str(error)
    if known is None:
        return "unstated", "no hash is known; `align3d weights fetch` notes one"
    return "verified", f"as {known.trust} ({(known.where if known.trust != 'hub' else sidecar_of(path)).name})"


def _load(path: Path) -> None:
    """Read a file as whoever uses it does: a model, the weights of an open_clip model by its name, or tensors."""
    from align3d_cli.encoders.clip_weights import is_known
    from align3d_cli.encoders.load import load_encoder
    from align3d_cli.encoders.state_files import read_state
    from align3d_cli.model.bundle import load_bundle
    from align3d_cli.model.header import METADATA_KEY
    from align3d_cli.model.inspector import Inspector
    from align3d_cli.model.parts import bundle_encoder

    if path.suffix == ONNX_SUFFIX or (path.suffix == ".safetensors" and METADATA_KEY in safetensors_metadata(path)):
        bundle = load_bundle(path)
        _ = Inspector(bundle) if bundle.branches else bundle_encoder(bundle, "cpu")
        return
    name, _, tag = path.stem.partition(".")
    if is_known(name, tag):
        load_encoder(name, pretrained=tag, weights=path)
    else:
        read_state(path, lambda key: key)
