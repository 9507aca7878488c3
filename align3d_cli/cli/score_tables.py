"""The files that `align3d score` writes about all parts of a call: page, tables, JUnit XML."""

from typing import TYPE_CHECKING

from align3d_cli.cli.score_call import ScoreCall

if TYPE_CHECKING:
    from align3d_cli.running.batch import Outcome


def write_tables(call: ScoreCall, outcomes: "list[Outcome]") -> None:
    """Write what is asked for, each file whole. Raises EnvironmentMissing for one that cannot be written."""
    from align3d_cli.helpers.files import write_bytes

    for option, path in call.tables.items():
        # names of files may be no text; what a table says of them is
        text = _text(option, call, outcomes).encode(errors="replace")
        write_bytes(path, text, force=call.force or call.resume)


def _text(option: str, call: ScoreCall, outcomes: "list[Outcome]") -> str:
    """The content of the file that an option names."""
    results = [found.result for found in outcomes]
    if option == "--junit":
        from align3d_cli.report.junit import junit_xml

        return junit_xml(results)
    if option == "--csv":
        from align3d_cli.report.part_rows import part_csv

        return part_csv(results)
    if option == "--regions":
        from align3d_cli.report.region_rows import region_csv

        return region_csv(results)
    return _page(call, outcomes)


def _page(call: ScoreCall, outcomes: "list[Outcome]") -> str:
    """The HTML page. Parts that --resume kept are shown as far as their heat maps tell."""
    from align3d_cli.report.html import html_page
    from align3d_cli.report.kept_page import kept_page
    from align3d_cli.report.thinning import points_each

    limit = call.report_points or points_each(len(outcomes))
    scored = [found for found in outcomes if found.failure is None]
    pages = [found.page or kept_page(found.result, points=limit) for found in scored]
    failures = [found.result for found in outcomes if found.failure is not None]
    return html_page("report" if call.report is None else call.report.stem, pages, failures)
