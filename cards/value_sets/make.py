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

from cards.value_sets.systems import EXAM, HCPCS, ICD10CM, LOINC, NCIT, RXNORM, SNOMED
from cards.value_sets.wording import (
    EVIDENCE,
    EXAM_NAMES,
    EXCLUDES,
    INCLUDES,
    NCIT_NAMES,
    PATTERNS,
    SPELLING,
    TITLE_PREFIX,
    TITLES,
)

Official = Mapping[tuple[str, str], Mapping[str, str]]

SYSTEM_OF = {"SCT": SNOMED, "LN": LOINC, "ICD": ICD10CM, "RX": RXNORM, "HCPCS": HCPCS, "EXAM": EXAM}
SYSTEM_NAME = {
    SNOMED: "SNOMED CT",
    LOINC: "LOINC",
    ICD10CM: "ICD-10-CM",
    RXNORM: "RxNorm",
    HCPCS: "HCPCS",
    EXAM: "exam codes",
    NCIT: "NCI Thesaurus",
}
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
    """The official name of a code; empty if no table has it."""
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


def codes_of(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """System -> codes in the order of the bindings, without empty systems."""
    codes = {SYSTEM_OF[name]: entry[name] for name in entry if name in SYSTEM_OF and entry[name]}
    if "SYSTEM" in entry:
        codes[entry["SYSTEM"]] = [code for meaning in MEANINGS for code in entry[meaning]]
    return codes


def table(name: str, rows: Mapping[str, object]) -> list[str]:
    """The lines of a TOML table; strings and lists of strings are written alike in JSON and TOML."""
    head = f"[{name}]" if name.isidentifier() else f"[{quoted(name)}]"
    return ["", head, *(f"{quoted(row)} = {quoted(value)}" for row, value in rows.items())] if rows else []


def quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def value_set(key: str, entry: Mapping[str, Any], comments: list[str], official: Official) -> str:
    """The text of the file of one value set."""
    group, slug = key.split(".", 1)
    codes = codes_of(entry)
    checked = [f"{SYSTEM_NAME[s]}: {where}" for s in codes if (where := evidence(s, codes[s], official))]
    members = {
        "title": title(key),
        "includes": "; ".join([INCLUDES.get(key) or INCLUDES[group], *comments]) + ".",
        "excludes": EXCLUDES.get(key, ""),
        "source": ". ".join(["bindings.toml", *checked]) + ".",
        "names": entry.get("names", [slug.replace("-", " ")]) if group == "medication" else [],
    }
    lines = [f"{name} = {quoted(value)}" for name, value in members.items() if value]
    for system, listed in codes.items():
        lines += table(system, {code: display(system, code, official) for code in listed})
    lines += table("side_from_code", entry.get("side_from_code", {}))
    lines += table("patterns", PATTERNS.get(key, {}))
    if "SYSTEM" in entry:
        lines += table("meanings", {code: meaning for meaning in MEANINGS for code in entry[meaning]})
    return "\n".join(lines) + "\n"


def value_sets(bindings: str, official: Official) -> dict[str, str]:
    """File name -> text, for every key of the bindings."""
    comments = remarks(bindings)
    return {
        f"{group}.{slug}.toml": value_set(f"{group}.{slug}", entry, comments.get(f"{group}.{slug}", []), official)
        for group, entries in tomllib.loads(bindings).items()
        if group != "conventions"
        for slug, entry in entries.items()
    }


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
    # A file that is no longer in the bindings is only reported: a person decides whether to delete it.
    changes = differences(texts, chosen.into)
    print("\n".join([*changes, f"{len(texts)} value sets"]))
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
