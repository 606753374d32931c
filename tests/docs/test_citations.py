"""Everything that code, tables and tests cite is in docs/: every decision, every piece of evidence, every page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import pytest

from tests.support import house
from tests.support.places import DOCS, ROOT

# By path, as they are read.
SOURCES = house.texts("cards", "service", "tests", "deploy") | house.texts("docs", suffix=".md")
SOURCES |= house.texts("docs", suffix=".toml")
del SOURCES["tests/docs/test_citations.py"]  # its own wrong citations
DECISIONS = set(re.findall(r"^- \*\*(D\d+)\*\*", (DOCS / "decisions.md").read_text(encoding="utf-8"), re.MULTILINE))
EVIDENCE = set(re.findall(r"^\| (E\d+) \|", (DOCS / "evidence.md").read_text(encoding="utf-8"), re.MULTILINE))
CLINICAL = (DOCS / "clinical.md").read_text(encoding="utf-8")

# Data, and codes that look like citations (ICD-10-CM has categories D50 and E11).
NO_CITATIONS = re.compile(r"tests/data/|cards/value_sets/[a-z-]+\.[a-z-]+\.toml|docs/codes\.md|\.(?:json|css|svg)$")
NUMBER = re.compile(r"(?<![\w.#&-])([DE])([1-9]\d*)(?:(?: to | ?- ?)\1?([1-9]\d*))?(?![\w.-]*[\w-])")
FILE = re.compile(
    r"(?<![\w/.*-])((?:docs/)?[a-z_]+\.(?:md|csv)|bindings\.toml|(?:sources|appraisals|evidence)\.toml)\b"
)
SECTION = re.compile(r"clinical\.md (?:section )?(\d(?:\.\d)?)(?: [a-z-]+, (C\d+))?")


def cited(sources: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each citation and its place; a range counts as each of its numbers."""
    for path, text in sources.items():
        if NO_CITATIONS.search(path):
            continue
        for letter, first, last in NUMBER.findall(text):
            yield from ((path, f"{letter}{number}") for number in range(int(first), int(last or first) + 1))


def missing(places: Iterable[tuple[str, str]]) -> list[str]:
    """Citations of decisions and evidence that lead nowhere."""
    known = DECISIONS | EVIDENCE
    return sorted({f"{path}: {name}" for path, name in places if name not in known})


def missing_files(sources: Mapping[str, str]) -> list[str]:
    """Pages and tables that are cited and do not exist; the tests invent files of their own."""
    ours = {path: text for path, text in sources.items() if not re.match(r"tests/(?:docs|house|service)/", path)}
    pages = {name for path, text in ours.items() if path.endswith((".py", ".toml")) for name in FILE.findall(text)}
    there = {path.name for path in house.files()}
    return sorted(name for name in pages if name.removeprefix("docs/") not in there)


def test_decisions_and_evidence_are_numbered_without_gaps() -> None:
    assert {f"D{number}" for number in range(1, len(DECISIONS) + 1)} == DECISIONS
    assert {f"E{number}" for number in range(1, len(EVIDENCE) + 1)} == EVIDENCE


def test_every_decision_and_every_piece_of_evidence_that_is_cited_is_there() -> None:
    places = list(cited(SOURCES))
    assert len({name for _, name in places}) > 100, "citations are found"
    assert missing(places) == []


@pytest.mark.parametrize("text", ["(D961)", "decisions D59 to D962", "see E984", '["E1", "E999"]', "D23, D970."])
def test_a_citation_that_leads_nowhere_is_seen(text: str) -> None:
    assert len(missing(cited({"cards/rules/afo.py": text}))) >= 1


@pytest.mark.parametrize("text", ["D23 to D26", "D6-D10", '["E1"]', "E11.42 and D00.0", "#D1D5DB", "S34.3XXA"])
def test_a_citation_that_leads_somewhere_and_a_code_are_right(text: str) -> None:
    assert missing(cited({"cards/rules/afo.py": text})) == []


def test_every_file_that_is_cited_is_there() -> None:
    assert missing_files(SOURCES) == []
    cited_wrongly = {"cards/rules/afo.py": "see thoughts.md, evidence.toml and docs/glossary.md"}
    assert missing_files(cited_wrongly) == ["evidence.toml", "thoughts.md"]


def test_every_section_of_the_clinical_rules_that_is_cited_is_there() -> None:
    sections = {(path, *match) for path, text in SOURCES.items() for match in SECTION.findall(text)}
    assert len(sections) > 3
    for path, number, conflict in sections:
        assert re.search(rf"^##+ {re.escape(number)}\.? ", CLINICAL, re.MULTILINE), (path, number)
        assert not conflict or f"\n| {conflict} | " in CLINICAL, (path, conflict)


def links(text: str) -> list[str]:
    return re.findall(r"\]\((?!https?:|#)([\w/.-]+)(?:#[\w-]+)?\)", text)


def test_every_page_can_be_reached_from_readme() -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = (ROOT / waiting.pop()).resolve()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        waiting += [str(page.parent / link) for link in links(page.read_text(encoding="utf-8"))]
    assert {path.name for path in DOCS.glob("*.md")} <= {page.name for page in reached}
