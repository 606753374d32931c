"""`python -m tests.support.departures` renews the texts of cards/rules/departures.toml from docs/decisions.md.

The rules that a departure concerns are kept as that file has them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from tests.support.places import DOCS, ROOT

FILE = ROOT / "cards" / "rules" / "departures.toml"
FIRST_OF_ALL = 61  # from here on every decision is a departure
_ITEM = re.compile(r"^- \*\*D(\d+)\*\* (\*\*\(change\)\*\* )?(.*)$", re.MULTILINE)
_HEAD = """# Where the rules depart, on purpose, from the clinical rules as they were first written, by decision.
# The texts are those of docs/decisions.md, written by `python -m tests.support.departures`. `rules` are the rules that
# a departure concerns; one without them concerns every rule.
"""


def decided() -> dict[str, str]:
    """The text of each decision that is a departure, by its number."""
    text = (DOCS / "decisions.md").read_text(encoding="utf-8")
    return {
        f"D{number}": words for number, change, words in _ITEM.findall(text) if change or int(number) >= FIRST_OF_ALL
    }


def written(rules: Mapping[str, list[str]]) -> str:
    """The file, with these rules and their texts."""
    tables = [_HEAD]
    for number, words in decided().items():
        listed = ", ".join(f'"{rule}"' for rule in rules.get(number, ()))
        named = f"rules = [{listed}]\n" if listed else ""
        text = words.replace("\\", "\\\\").replace('"', '\\"')
        tables.append(f'[{number}]\n{named}text = "{text}"\n')
    return "\n".join(tables)


def kept() -> dict[str, Any]:
    """The file as it is now."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    FILE.write_text(written({number: entry.get("rules", []) for number, entry in kept().items()}), encoding="utf-8")
