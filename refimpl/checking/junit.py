"""Reports as JUnit XML, which every build server shows: a suite for each operator, a test for each finding."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from refimpl.checking.report import Finding, Report

OUTCOME = {
    "wrong": "failure",
    "crashed": "error",
    "cannot tell": "skipped",
    "vacuous": "skipped",
    "not offered": "skipped",
}


def junit(reports: Sequence[Report]) -> str:
    """The document. Wrong is a failure, crashed an error; the other verdicts are skipped, with the word."""
    root = ElementTree.Element("testsuites", name="refimpl check")
    for report in reports:
        outcomes = [OUTCOME.get(finding.verdict, "") for finding in report.findings]
        suite = ElementTree.SubElement(
            root, "testsuite", name=f"{report.operator} ({report.implementation})", tests=str(len(outcomes)),
            failures=str(outcomes.count("failure")),
            errors=str(outcomes.count("error") + len(report.disagreements)),
            skipped=str(outcomes.count("skipped")),
        )  # fmt: skip
        for finding in report.findings:
            _test(suite, report, finding)
        for text in report.disagreements:
            test = ElementTree.SubElement(suite, "testcase", classname=report.operator, name="oracles agree")
            ElementTree.SubElement(test, "error", message="the oracles disagree, a bug of refimpl").text = text
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _test(suite: ElementTree.Element, report: Report, finding: Finding) -> None:
    test = ElementTree.SubElement(
        suite, "testcase", classname=report.operator, name=f"{finding.subject}: {finding.oracle}"
    )
    outcome = OUTCOME.get(finding.verdict)
    if outcome:
        diagnosis = report.diagnoses.get(finding.subject)
        message = f"{diagnosis.kind}: {diagnosis.sentence}" if diagnosis else finding.verdict
        ElementTree.SubElement(test, outcome, message=message).text = printable(finding.detail)


def printable(text: str) -> str:
    """XML has no place for control characters."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
