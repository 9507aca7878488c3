"""Files that a scan names: materials, pictures, buffers."""

from align3d_cli.io.source import Source


def beside(source: Source, name: str) -> bytes | None:
    """A file that the scan names, from the scan's own folder or below it; None when there is none.

    Nothing outside that folder is opened and nothing comes from the network: of a path that leads elsewhere
    the last part is looked for beside the scan.
    """
    folder = source.path.resolve().parent if source.path else None
    name = name.strip().strip('"').replace("\\", "/")
    if folder is None or not name or "\0" in name:
        return None
    for choice in (name, name.rpartition("/")[2]):
        try:
            path = (folder / choice).resolve()
            if path.is_relative_to(folder) and path.is_file():
                return path.read_bytes()
        except OSError:  # a name too long for the system, or a file we may not read: the same as none
            return None
    return None
