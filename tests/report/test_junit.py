"""Results as JUnit XML: what Jenkins' schema allows, counts that agree, names that cannot break it."""

from xml.etree import ElementTree as Xml

import pytest

from align3d_cli.report.junit import REGIONS, junit_xml

from .results import REGION, RULED, failed, scored

# junit-10.xsd of jenkinsci/xunit-plugin, as far as it allows what is written: (attributes required, others, children)
SCHEMA = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, {"time", "skipped"}, {"properties", "testcase"}),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname"}, {"error", "failure", "system-out"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


def read(results) -> Xml.Element:
    """The document, every element of which the schema allows."""
    root = Xml.fromstring(junit_xml(results).encode())
    for element in root.iter():
        required, more, children = SCHEMA[element.tag]
        assert required <= set(element.attrib) <= required | more, element.tag
        assert {child.tag for child in element} <= children, element.tag
    return root


def test_a_part_is_a_case_and_the_counts_are_those_of_the_cases():
    """Defective is a failure, not scored an error, all else passes; none is skipped."""
    names = [("a.ply", 0.2), ("b.ply", 0.9), ("c.ply", 0.6)]
    root = read([*(scored(name, score) for name, score in names), failed()])
    (suite,) = root
    for one in (root, suite):
        assert [one.get(count) for count in ("tests", "failures", "errors")] == ["4", "2", "1"]
        assert one.get("time") == "4.500"
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["a.ply", "b.ply", "c.ply", "bad.ply"]
    assert [case[0].tag for case in cases] == ["system-out", "failure", "failure", "error"]
    assert suite.get("skipped") == "0"
    facts = {one.get("name"): one.get("value") for one in suite.find("properties")}
    assert facts["model"] == "tiny" and facts["device"] == "cpu" and "model_sha256" not in facts


def test_a_failure_says_score_reasons_and_places():
    """By the limit: score and limit with all their digits; by rules: the rules; then the regions, a line each."""
    region = REGION.as_dict()
    by_limit = read([scored(score=0.500001, regions=[region], output="heat/part.ply")]).find(".//failure")
    assert by_limit.get("message") == "score 0.500001 exceeds the limit 0.5" and by_limit.get("type") == "defective"
    assert by_limit.text.splitlines()[1].startswith("region 1: concave, area [mm\N{SUPERSCRIPT TWO}] 4.25, ")
    by_rules = read([scored(decision=RULED, judged="defective")]).find(".//failure")
    assert by_rules.get("message") == "score 0.25, deep: region 1: depth 0.25 (depth > 0.2)"
    many = read([scored(score=0.9, regions=[region] * (REGIONS + 3))]).find(".//failure").text.splitlines()
    assert len(many) == REGIONS + 2 and many[-1] == "and 3 regions more"


@pytest.mark.parametrize(
    ("changes", "verdict"), [({"doubts": ["too sparse"]}, "unsure"), ({"threshold": None}, "uncalibrated")]
)
def test_what_is_not_defective_passes_and_says_what_it_is(changes, verdict):
    """An unsure part passes, as it does by the exit code, and its doubts stand in the output of its case."""
    (suite,) = read([scored(output="heat/part.ply", **changes)])
    assert suite.get("failures") == suite.get("errors") == "0"
    told = suite.findtext("testcase/system-out")
    assert told.startswith(f"{verdict}: score 0.250, ") and told.endswith("heat map: heat/part.ply")
    assert all(f"doubt: {doubt}" in told for doubt in changes.get("doubts", []))


def test_an_error_says_why_a_part_could_not_be_scored():
    """The kind of error and its one line."""
    error = read([failed()]).find(".//error")
    assert error.get("type") == "input" and error.get("message") == error.text == "bad.ply: is empty; export it again"


@pytest.mark.parametrize("name", ['<&">.ply', "a\x00\x1b.ply", "\udcff.ply", "\ufffe.ply", "größe \N{SNOWMAN}.ply"])
def test_no_name_breaks_the_document(name):
    """Markup is escaped, characters that XML cannot hold are shown with escapes, all others stay."""
    case = read([scored(name)]).find(".//testcase")
    told = case.get("name")
    assert told == name or ("\\" in told and told.isprintable())
    assert read([failed(name)]).find(".//error") is not None
