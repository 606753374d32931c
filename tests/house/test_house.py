"""The house rules hold in this tree, and each check detects the fault that it is for."""

import csv
import re

import grimp
import pytest

from tests.support import house
from tests.support.places import ROOT

PYTHON = house.texts("cards", "service", "tests", "fhir_examples", suffix=".py")
HOME = "/" + "work/main/x"  # put together here, so that this file holds no such path itself
INDEX = "https://pypi." + "org/simple"


def test_no_test_module_is_imported_by_another() -> None:
    """Everything that tests share is in tests/support."""
    graph = grimp.build_graph("tests", cache_dir=None)
    tests = [name for name in graph.modules if name.rpartition(".")[2].startswith(("test_", "conftest"))]
    assert len(tests) > 50
    assert {name: importers for name in tests if (importers := graph.find_modules_that_directly_import(name))} == {}


def test_files_and_functions_are_short() -> None:
    assert house.too_long(PYTHON) == []


def test_a_long_file_and_a_long_function_are_seen() -> None:
    assert house.too_long({"a.py": "x = 1\n" * 400}) == []
    assert "401 lines (limit 400, aim 300)" in house.too_long({"a.py": "x = 1\n" * 401})[0]
    assert house.too_long({"a.py": "def f():\n" + "    x = 1\n" * 59}) == []
    assert "f has 61 lines" in house.too_long({"a.py": "def f():\n" + "    x = 1\n" * 60})[0]
    followed = "class A:\n    def f(self):\n" + "        x = 1\n" * 60 + "    def g(self): ...\n\n\ndef h(): ...\n"
    assert "f has 61 lines" in house.too_long({"a.py": followed})[0]
    holding = "def f():\n" + "    x = 1\n" * 30 + '    y = """\ndef g(): ...\n"""\n' + "    x = 1\n" * 30
    assert "f has 64 lines" in house.too_long({"a.py": holding})[0]


def test_names_say_what_things_are_for() -> None:
    assert house.vague_names(PYTHON) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("service/utils.py", ""),
        ("cards/common/x.py", ""),
        ("tests/card_helpers.py", ""),
        ("service/app.py", "class CardManager: ..."),
        ("service/app.py", "class BaseRule: ..."),
        ("service/app.py", "def handler(): ..."),
        ("service/app.py", "async def error_handler(): ..."),
    ],
)
def test_a_vague_name_is_seen(path: str, source: str) -> None:
    assert len(house.vague_names({path: source})) == 1


def test_a_name_that_merely_holds_such_a_word_is_right() -> None:
    assert house.vague_names({"service/database.py": "def base_url(): ...\nclass Commonest: ..."}) == []


def test_only_the_wire_knows_how_a_card_is_written() -> None:
    assert house.wire_words(house.texts("cards", "service")) == []
    assert house.wire_words({"service/wire/answer.py": "selectionBehavior", "service/a.py": "selectionBehavior"}) == [
        "service/a.py"
    ]


def test_no_cpt_code_is_shipped() -> None:
    assert house.cpt_codes(house.texts("cards", "fhir_examples", "docs")) == []


def test_the_documents_hold_no_number_of_five_digits_but_codes_of_the_table() -> None:
    """A CPT code is five characters; the tables of docs/ name the systems of their codes, its pages do not.

    Addresses are left out, because they contain numbers that are not codes.
    """
    with (ROOT / "docs" / "codes.csv").open(encoding="utf-8", newline="") as lines:
        known = {row["code"] for row in csv.DictReader(lines)}
    pages = house.texts("docs", suffix=".md")
    numbers = {path: set(house.CPT_CODE.findall(re.sub(r"\S*/\S*", "", text))) - known for path, text in pages.items()}
    assert {path: found for path, found in numbers.items() if found} == {}


def test_a_cpt_code_is_seen_and_the_bare_system_is_not() -> None:
    system = "http://www.ama-assn.org/go/cpt"
    made_up = {
        "a.json": f'{{"system": "{system}", "code": "00000"}}',
        "b.toml": '["urn:oid:2.16.840.1.113883.6.12"]\n0000T = "x"',
        "c.py": f'CPT = "{system}"',
        "d.json": '{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "25480"}',
    }
    assert house.cpt_codes(made_up) == ["a.json", "b.toml"]


def test_no_trace_of_a_machine_is_left() -> None:
    assert house.machine_traces(house.texts()) == []


def test_a_trace_of_a_machine_is_seen() -> None:
    traces = house.machine_traces({"a.md": f"see {HOME}", "b.toml": f'index = "{INDEX}"'})
    assert len(traces) == 2
    assert house.machine_traces({"a.md": "https://example.org/work/paper and cards/work/x"}) == []


def test_readme_names_only_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    readme = ROOT / "README.md"
    assert house.unknown_targets(readme.read_text() if readme.exists() else "", makefile) == set()


def test_a_target_that_is_missing_is_seen() -> None:
    readme = "Run `make demo`, then:\n\n    $ make fly\n\nmake PYTHON=python3.12 swim\nthey make sense"
    assert house.unknown_targets(readme, "demo: install\n") == {"fly", "swim"}


def test_the_tree_is_really_read() -> None:
    assert {"tests/support/house.py", "cards/value_sets/__init__.py", "Makefile"} <= set(house.texts())
