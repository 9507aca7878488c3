"""`align3d benchmark --check`: what is wrong with a data set, a line each, before anything is scored."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from align3d_cli.cli import output
from align3d_cli.errors import InputRejected


def check(dataset: str, root: Path | None, categories: Sequence[str], limit: int | None, *, as_json: bool) -> None:
    """Open every file and print what is found. Raises InputRejected where anything is wrong."""
    from align3d_cli.evaluation.check import check_data

    with output.Progress("opening") as bar:
        checked = check_data(dataset, root, categories=categories, limit=limit, begin=bar.begin, advance=bar.advance)
    whole = f"{checked.n_scans} scans of {checked.n_categories} categories opened"
    if as_json:
        output.result_json({"data_set": dataset, "root": None if root is None else str(root), **asdict(checked)})
    elif checked.findings:
        output.result("\n".join(f"{finding.place}: {finding.said}" for finding in checked.findings))
    else:
        output.result(f"{dataset}: {whole}, nothing is missing or damaged")
    if checked.findings:
        finding = f"{len(checked.findings)} findings in {whole}"
        raise InputRejected(f"{root or dataset}: {finding}; mend them, or leave those scans out")
