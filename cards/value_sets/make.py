"""Write the value sets from the table of bindings and the table of official names.

python -m cards.value_sets.make docs/bindings.toml docs/codes.csv [--check] [--into FOLDER]

docs/bindings.toml says which codes each fact is recognised by, docs/codes.csv what they are officially called and where
that was read; docs/codes.md explains both.
"""

import argparse
import csv
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cards.value_sets.systems import (
    ATC,
    EXAM,
    HCPCS,
    ICD10,
    ICD10CM,
    ICD10GM,
    LOINC,
    MEDRT,
    NCIT,
    RXNORM,
    SNOMED,
)
from cards.value_sets.wording import (
    EVIDENCE,
    EXAM_NAMES,
    EXCLUDES,
    INCLUDES,
    NCIT_NAMES,
    SPELLING,
    TITLE_PREFIX,
    TITLES,
)

Official = Mapping[tuple[str, str], Mapping[str, str]]

SYSTEM_OF = {
    "SCT": SNOMED,
    "LN": LOINC,
    "ICD": ICD10CM,
    "RX": RXNORM,
    "HCPCS": HCPCS,
    "EXAM": EXAM,
    "ICD10": ICD10,
    "ICDGM": ICD10GM,
    "ATC": ATC,
    "MEDRT": MEDRT,
}
SYSTEM_NAME = {
    SNOMED: "SNOMED CT",
    LOINC: "LOINC",
    ICD10CM: "ICD-10-CM",
    RXNORM: "RxNorm",
    HCPCS: "HCPCS",
    EXAM: "exam codes",
    NCIT: "NCI Thesaurus",
    ICD10: "ICD-10",
    ICD10GM: "ICD-10-GM",
    ATC: "ATC",
    MEDRT: "MED-RT",
}
BY_HAND = frozenset({"conventions", "systems", "answer"})
"""Tables of the bindings that are not value sets: prose, addresses, and answers, whose sets are written by hand."""
MEANINGS = ("conditional", "safe", "unsafe")


def capital(words: str) -> str:
    return words[0].upper() + words[1:]


def title(key: str) -> str:
    """order.bp-monitoring -> Order: BP monitoring."""
    group, slug = key.split(".", 1)
    words = " ".join(SPELLING.get(word, word) for word in slug.split("-"))
    return TITLES.get(key) or capital(TITLE_PREFIX.get(group, "") + words)


def remarks(bindings: str) -> dict[str, list[str]]:
    """The comments after each key and its codes, without references to decisions."""
    comments: dict[str, list[str]] = {}
    key = ""
    for line in bindings.splitlines():
        code, _, comment = line.partition("#")
        if header := re.match(r"\[(.+)\]", code):
            key = header[1]
        if code.strip() and comment:
            comments.setdefault(key, []).append(re.sub(r"\s*\(D\d+\)|, see conventions", "", comment).strip())
    return comments


def display(system: str, code: str, official: Official) -> str:
    """The official name of a code; empty if no table has the code."""
    if system == EXAM:
        words = code.replace("-", " ")
        grade = f"MRC grade, {words.removeprefix('mrc ')}"
        return EXAM_NAMES.get(code) or (grade if code.startswith("mrc-") else capital(words))
    if system == NCIT:
        return NCIT_NAMES.get(code, "")
    return official.get((system, code), {}).get("official_display", "")


def evidence(system: str, codes: Iterable[str], official: Official) -> str:
    """Where the codes of one system were checked, in a few words."""
    if system == EXAM:
        return "the project's own CodeSystem"
    if system == NCIT:
        return "FHIR R4 (4.0.1) ValueSet/device-safety"
    rows = (official.get((system, code), {}).get("evidence", "") for code in codes)
    first = (row.split(";")[0] for row in rows)
    return ", ".join(
        dict.fromkeys(next((name for start, name in EVIDENCE if text.startswith(start)), "") for text in first if text)
    )


def of_systems(entry: Mapping[str, Any], suffix: str = "") -> dict[str, list[str]]:
    """System -> what the bindings list under its name with a suffix such as `_pattern`; empty lists are left out."""
    names = {name + suffix: system for name, system in SYSTEM_OF.items()}
    return {names[name]: listed for name, listed in entry.items() if name in names and listed}


def codes_of(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """System -> codes in the order of the bindings, without empty systems."""
    codes = of_systems(entry)
    if "SYSTEM" in entry:
        codes[entry["SYSTEM"]] = [code for meaning in MEANINGS for code in entry[meaning]]
    return codes


def table(path: tuple[str, ...], rows: Mapping[str, object]) -> list[str]:
    """The lines of a TOML table; strings and lists of strings are written alike in JSON and TOML."""
    head = ".".join(name if name.isidentifier() else quoted(name) for name in path)
    return ["", f"[{head}]", *(f"{quoted(row)} = {quoted(value)}" for row, value in rows.items())] if rows else []


def quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def value_set(key: str, entry: Mapping[str, Any], comments: list[str], official: Official) -> str:
    """The text of the file of one value set."""
    group, slug = key.split(".", 1)
    codes = {"": codes_of(entry), "old": of_systems(entry, "_old"), "new": of_systems(entry, "_new")}
    listed = [(system, listed) for systems in codes.values() for system, listed in systems.items()]
    checked = [f"{SYSTEM_NAME[s]}: {where}" for s, codes in listed if (where := evidence(s, codes, official))]
    members = {
        "title": title(key),
        "includes": "; ".join([INCLUDES.get(key) or INCLUDES[group], *comments]) + ".",
        "excludes": EXCLUDES.get(key, ""),
        "source": ". ".join(dict.fromkeys(["bindings.toml", *checked])) + ".",
        "names": entry.get("names") or entry.get("text") or ([slug.replace("-", " ")] if group == "medication" else []),
        "names_class": entry.get("names_class", []),
        "conditions": [f"condition.{name}" for name in entry.get("conditions", ())],
    }
    lines = [f"{name} = {quoted(value)}" for name, value in members.items() if value]
    for when, systems in codes.items():
        for system, written in systems.items():
            lines += table((*filter(None, [when]), system), {code: display(system, code, official) for code in written})
    for name in ("side_from_code", "side_from_pattern"):
        lines += table((name,), entry.get(name, {}))
    for name, suffix in (("patterns", "_pattern"), ("patterns_new", "_pattern_new"), ("no_side", "_no_side")):
        lines += table((name,), of_systems(entry, suffix))
    if "SYSTEM" in entry:
        lines += table(("meanings",), {code: meaning for meaning in MEANINGS for code in entry[meaning]})
    return "\n".join(lines) + "\n"


def addresses(systems: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of the file of the addresses of the code systems."""
    lines = ["# The addresses of the code systems and how their codes are written; made from bindings.toml, [systems]."]
    for name, entry in systems.items():
        plain = {member: value for member, value in entry.items() if not isinstance(value, dict)}
        lines += ["", f"[{name}]", *(f"{member} = {quoted(value)}" for member, value in plain.items())]
        for member in entry.keys() - plain.keys():
            lines += table((name, member), entry[member])
    return "\n".join(lines) + "\n"


def value_sets(bindings: str, official: Official) -> dict[str, str]:
    """File name -> text, for every key of the bindings, and for the addresses of the code systems."""
    comments = remarks(bindings)
    tables = tomllib.loads(bindings)
    texts = {
        f"{group}.{slug}.toml": value_set(f"{group}.{slug}", entry, comments.get(f"{group}.{slug}", []), official)
        for group, entries in tables.items()
        if group not in BY_HAND
        for slug, entry in entries.items()
    }
    return texts | ({"systems.toml": addresses(tables["systems"])} if "systems" in tables else {})


def official_names(table_of_codes: Path) -> Official:
    with table_of_codes.open(encoding="utf-8", newline="") as lines:
        return {(row["system_uri"], row["code"]): row for row in csv.DictReader(lines)}


def differences(texts: Mapping[str, str], folder: Path) -> list[str]:
    """How the files in the folder differ from these texts."""
    # Groups that are not in the bindings (answers, sides) are written by hand and left alone.
    files = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")}
    stale = (name for name in sorted(files.keys() - texts.keys()) if name.split(".")[0] in INCLUDES)
    return (
        [f"{name}: not written yet" for name in texts if name not in files]
        + [f"{name}: differs" for name in texts if name in files and files[name] != texts[name]]
        + [f"{name}: no longer in the bindings" for name in stale]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cards.value_sets.make", description=__doc__)
    parser.add_argument("bindings", type=Path)
    parser.add_argument("codes", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a file differs")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    chosen = parser.parse_args(arguments)
    texts = value_sets(chosen.bindings.read_text(encoding="utf-8"), official_names(chosen.codes))
    if not chosen.check:
        for name, text in texts.items():
            (chosen.into / name).write_text(text, encoding="utf-8")
    # A file whose key is no longer in the bindings is only reported: a person decides whether to delete it.
    changes = differences(texts, chosen.into)
    print("\n".join([*changes, f"{len(texts)} value sets"]))
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
