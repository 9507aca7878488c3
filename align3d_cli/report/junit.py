"""Results as JUnit XML, which CI servers read: a test case a part, a failure for each defective one.

There is no standard. Elements, attributes and counts are those of junit-10.xsd of Jenkins' xUnit plugin, which GitLab,
GitHub's actions and Azure read too: no <skipped>, `system-out` behind failure and error.
"""

import re
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree as Xml

from align3d_cli.report.region_rows import region_table
from align3d_cli.report.result import decision_text, extent_text, limit_text

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # characters that XML 1.0 cannot hold
REGIONS = 20  # of a part, the most severe first; the whole list is a matter for --regions
SUITE = "align3d score"
SHARED = ("tool_version", "model", "model_sha256", "device")  # fields that are alike for all parts of a call


def junit_xml(results: Iterable[dict[str, Any]]) -> str:
    """The document, with its declaration; one suite with a case a part, in the parts' order.

    results: of `build_result` or `build_failure`. A part that is "defective" is a failure, one that could not be scored
    an error; "good", "unsure" and "uncalibrated" ones pass and say so in `system-out`.
    """
    results = list(results)
    cases = [_case(result) for result in results]
    seconds = sum(_seconds(result) for result in results)
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "time": f"{seconds:.3f}",
    }
    root = Xml.Element("testsuites", {"name": SUITE} | counts)
    suite = Xml.SubElement(root, "testsuite", {"name": SUITE} | counts | {"skipped": "0"})
    suite.append(_properties(results))
    suite.extend(cases)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _properties(results: list[dict[str, Any]]) -> Xml.Element:
    """What all parts share."""
    properties = Xml.Element("properties")
    scored = next((result for result in results if "error" not in result), None)
    for name in SHARED:
        if scored is not None and scored[name] is not None:
            Xml.SubElement(properties, "property", {"name": name, "value": _text(scored[name])})
    return properties


def _case(result: dict[str, Any]) -> Xml.Element:
    name = {"classname": SUITE.replace(" ", "."), "name": _text(result["input"])}
    case = Xml.Element("testcase", name | {"time": f"{_seconds(result):.3f}"})
    if "error" in result:
        error = result["error"]
        message = _text(error["message"])
        Xml.SubElement(case, "error", {"type": error["kind"], "message": message}).text = message
        return case
    if result["verdict"] == "defective":
        reasons = _reasons(result)
        failure = Xml.SubElement(case, "failure", {"type": "defective", "message": _text(reasons[0])})
        failure.text = _text("\n".join([*reasons, *_places(result)]))
    Xml.SubElement(case, "system-out").text = _text("\n".join(_account(result)))
    return case


def _reasons(result: dict[str, Any]) -> list[str]:
    """Why a part is defective: its score against the limit, or the rules that hold."""
    score = f"score {result['score']:g}"  # all digits that are stored: the two can be close
    if result["decision"] is None:
        return [f"{score} exceeds the limit {result['threshold']:g}"]
    return [f"{score}, {reason}" for reason in decision_text(result["decision"])]


def _places(result: dict[str, Any]) -> list[str]:
    """The regions, a line each: "region 1: concave, area 4.25, .."."""
    heads, rows = region_table(result)
    lines = []
    for number, kind, *cells in rows[:REGIONS]:
        sizes = ", ".join(f"{head} {cell}" for head, cell in zip(heads[2:], cells, strict=True))
        lines.append(f"region {number}: {kind}, {sizes}")
    return lines + ([f"and {len(rows) - REGIONS} regions more"] if len(rows) > REGIONS else [])


def _account(result: dict[str, Any]) -> list[str]:
    """What is said of every part that was scored, passed or not."""
    limit = "by rules" if result["decision"] is not None else f"limit {limit_text(result['threshold'])}"
    lines = [f"{result['verdict']}: score {result['score']:.3f}, {limit}, {extent_text(result)}"]
    lines += [f"doubt: {doubt}" for doubt in result["doubts"]] + [f"note: {note}" for note in result["notes"]]
    return lines + ([f"heat map: {result['output']}"] if result["output"] else [])


def _seconds(result: dict[str, Any]) -> float:
    return 0.0 if "error" in result else result["seconds"]["total"]


def _text(value: object) -> str:
    """Words that XML can hold: other characters, as names of files may have, with escapes."""
    return NO_XML.sub(lambda found: ascii(found[0])[1:-1], str(value))
