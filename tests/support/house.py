"""The house rules as functions of source texts, each returning what breaks them."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from tests.support.places import ROOT

# From the innermost room outwards: a room may import itself and those before it.
ROOMS = (
    "cards.value_sets",
    "cards.record",
    "cards.language",
    "cards.findings",
    "cards.orders",
    "cards.rules",
    "cards.rule_book",
    "cards.decide",
    "cards",
    "fhir_examples",
    "service",
    "tests",
)
IMPURE = {"flask", "requests", "httpx", "sqlalchemy", "granian", "service", "os", "socket", "time"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base", "handler"}

FILE_LINES, FILE_AIM = 400, 300
FUNCTION_LINES, FUNCTION_AIM = 60, 30

CPT_SYSTEM = re.compile(r"http://www\.ama-assn\.org/go/cpt|urn:oid:2\.16\.840\.1\.113883\.6\.12\b")
CPT_CODE = re.compile(r"(?<![\w.-])\d{4}[0-9FTU](?![\w.-])")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:work|root|home/\w+|Users/\w+)/")
REGISTRY = re.compile(
    r"\b(?:"
    + "|".join(
        rf"{host}\.{domain}"
        for host, domain in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            (r"registry\.npmjs", "org"),
            ("crates", "io"),
            (r"proxy\.golang", "org"),
            (r"repo1?\.maven(?:\.apache)?", "org"),
            (r"deb\.debian", "org"),
        )
    )
    + r")\b"
)


def files() -> list[PurePosixPath]:
    """The files of the project: tracked or about to be, or the whole tree where there is no git."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [name for name in listing.stdout.split("\0") if name]
    else:
        names = [str(path.relative_to(ROOT).as_posix()) for path in ROOT.rglob("*")]
        names = [n for n in names if not re.search(r"(^|/)(\.venv|\.git|__pycache__|\.\w+_cache)/", n)]
    return [PurePosixPath(name) for name in sorted(set(names)) if (ROOT / name).is_file()]


def texts(*folders: str, suffix: str = "") -> dict[str, str]:
    """The text of every file below the folders (of every file when none is named), binary files left out."""
    found = {}
    for path in files():
        if (not folders or path.parts[0] in folders) and path.name.endswith(suffix):
            try:
                found[str(path)] = (ROOT / path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


def module_name(path: str) -> str:
    """cards/record/chart.py -> cards.record.chart, cards/__init__.py -> cards."""
    return ".".join(PurePosixPath(path).with_suffix("").parts).removesuffix(".__init__")


def imported(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Each line that imports, with the dotted name it asks for."""
    package = module_name(path).split(".")
    if not path.endswith("__init__.py"):
        package.pop()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            stem = [*start, *filter(None, [node.module])]
            yield from ((node.lineno, ".".join([*stem, alias.name])) for alias in node.names)


def room(module: str) -> int | None:
    """The room that a module stands in, as its place in ROOMS; None for a module from outside."""
    inside = [r for r in ROOMS if module == r or module.startswith(r + ".")]
    return ROOMS.index(max(inside, key=len)) if inside else None


def wrong_imports(sources: Mapping[str, str]) -> list[str]:
    """Imports that run outwards, or bring the outside world into cards."""
    broken = []
    for path, source in sources.items():
        here = room(module_name(path))
        for line, name in imported(path, source):
            there, top = room(name), name.split(".")[0]
            if here is not None and there is not None and there > here:
                broken.append(f"{path}:{line} in {ROOMS[here]} imports {name} of {ROOMS[there]}")
            elif path.startswith("cards/") and top in IMPURE:
                broken.append(f"{path}:{line} imports {name}, and cards is pure")
            elif path.startswith("cards/value_sets/") and there is None and top not in sys.stdlib_module_names:
                broken.append(f"{path}:{line} imports {name}, and value sets need the standard library alone")
    return broken


def too_long(sources: Mapping[str, str]) -> list[str]:
    """Files and functions over the limit."""
    broken = []
    for path, source in sources.items():
        if (lines := len(source.splitlines())) > FILE_LINES:
            broken.append(f"{path} has {lines} lines (limit {FILE_LINES}, aim {FILE_AIM}): which room is missing?")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    limits = f"limit {FUNCTION_LINES}, aim {FUNCTION_AIM}"
                    broken.append(f"{path}:{node.lineno} {node.name} has {lines} lines ({limits})")
    return broken


def vague_names(sources: Mapping[str, str]) -> list[str]:
    """Files, folders, classes and functions whose name does not say what they are for."""
    broken = []
    for path, source in sources.items():
        if any(VAGUE & set(part.lower().split("_")) for part in PurePosixPath(path).with_suffix("").parts):
            broken.append(f"{path}: say in the name what it is for")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", node.name)}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                words = {node.name.lower().split("_")[-1]}
            else:
                continue
            if VAGUE & words:
                broken.append(f"{path}:{node.lineno} {node.name}: say in the name what it is for")
    return broken


def wire_words(sources: Mapping[str, str]) -> list[str]:
    """Files of cards and service, wire.py apart, that know how a card is written on the wire.

    The simulator's pages are the client, which reads what the wire says.
    """
    return [
        p
        for p, source in sources.items()
        if p != "service/wire/answer.py" and "/simulator/" not in p and "selectionBehavior" in source
    ]


def cpt_codes(sources: Mapping[str, str]) -> list[str]:
    """Files that name the CPT system and hold something that can be a CPT code."""
    return [p for p, text in sources.items() if CPT_SYSTEM.search(text) and CPT_CODE.search(text)]


def machine_traces(sources: Mapping[str, str]) -> list[str]:
    """Paths of one machine and addresses of package registries."""
    return [
        f"{path} holds {match[0]}"
        for path, text in sources.items()
        for match in [*MACHINE_PATH.finditer(text), *REGISTRY.finditer(text)]
    ]


def unknown_targets(readme: str, makefile: str) -> set[str]:
    """The make targets that a README tells people to use and the Makefile lacks."""
    told = re.findall(r"(?:^|`|\$ )make (?:[A-Z_]+=\S+ )*([a-z][\w-]*)", readme, flags=re.MULTILINE)
    return set(told) - set(re.findall(r"^([a-z][\w-]*):", makefile, flags=re.MULTILINE))
