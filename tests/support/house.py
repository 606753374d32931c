"""The house rules as functions of source texts; each function returns what breaks its rule."""

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath

from tests.support.places import ROOT

VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "base", "handler"}
VAGUELY_NAMED = re.compile(rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+\w*(?:{'|'.join(sorted(VAGUE))})", re.M | re.I)
DEFINES = re.compile(r"^([ \t]*)(?:async[ \t]+def|def|class|@)\b", re.MULTILINE)  # @: a decorator

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
# One of these words is in whatever the expressions of machines find: most files hold none, and are passed by.
_FOLDERS = tuple(f"/{folder}/" for folder in ("work", "root", "home", "Users"))
_OF_A_MACHINE = (*_FOLDERS, "pypi", "pythonhosted", "npmjs", "crates", "golang", "maven", "debian")


Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def files() -> tuple[PurePosixPath, ...]:
    """The files of the project that are tracked or about to be, or the whole tree without git; listed once."""
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
    return tuple(PurePosixPath(name) for name in sorted(set(names)) if (ROOT / name).is_file())


def texts(*folders: str, suffix: str = "") -> dict[str, str]:
    """The text of every file below the folders (of every file when no folder is named), without binary files."""
    named = [path for path in files() if not folders or path.parts[0] in folders]
    read = {str(path): _text(path) for path in named if path.name.endswith(suffix)}
    return {path: text for path, text in read.items() if text is not None}


@cache
def _text(path: PurePosixPath) -> str | None:
    """The text of a file, read once; None for a binary file."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def _definitions(source: str) -> list[Definition]:
    """The classes and functions of a source, including nested ones."""
    return list(_defined(ast.parse(source)))


def _defined(node: ast.AST) -> Iterator[Definition]:
    if isinstance(node, Definition):
        yield node
    for part in ("body", "handlers", "orelse", "finalbody", "cases"):  # expressions define nothing, so they are skipped
        within = getattr(node, part, ())
        for inner in within if isinstance(within, list) else ():
            yield from _defined(inner)


def _may_hold_a_long_function(source: str) -> bool:
    """Whether a function can be over the limit, as its lines show: to parse every source takes ten times as long.

    It ends before the next definition that is not indented deeper. Where a text within a source holds a line that looks
    like a definition, this tells nothing, and the source must be parsed.
    """
    if any(DEFINES.search(text) for text in source.split('"""')[1::2]):
        return True
    begun: list[tuple[int, int]] = []  # indentation, and number of the line, of what has not ended yet
    lines = source.splitlines()
    for number, line in enumerate(lines):
        if (match := DEFINES.match(line)) is not None:
            while begun and begun[-1][0] >= len(match[1]):
                if number - begun.pop()[1] > FUNCTION_LINES:
                    return True
            begun.append((len(match[1]), number))
    return any(len(lines) - number > FUNCTION_LINES for _, number in begun)


def too_long(sources: Mapping[str, str]) -> list[str]:
    """Files and functions over the limit."""
    broken = []
    for path, source in sources.items():
        if (lines := len(source.splitlines())) > FILE_LINES:
            broken.append(f"{path} has {lines} lines (limit {FILE_LINES}, aim {FILE_AIM}): which room is missing?")
        for node in _definitions(source) if _may_hold_a_long_function(source) else ():
            if not isinstance(node, ast.ClassDef):
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
        for node in _definitions(source) if VAGUELY_NAMED.search(source) else ():
            if isinstance(node, ast.ClassDef):
                words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", node.name)}
            else:
                words = {node.name.lower().split("_")[-1]}
            if VAGUE & words:
                broken.append(f"{path}:{node.lineno} {node.name}: say in the name what it is for")
    return broken


def wire_words(sources: Mapping[str, str]) -> list[str]:
    """Files of cards and service, except those of the wire, that know how a card is written on the wire.

    The simulator's pages are the client, which reads the wire.
    """
    return [
        p
        for p, source in sources.items()
        if not p.startswith("service/wire/") and "/simulator/" not in p and "selectionBehavior" in source
    ]


def cpt_codes(sources: Mapping[str, str]) -> list[str]:
    """Files that name the CPT system and hold something that can be a CPT code."""
    return [p for p, text in sources.items() if CPT_SYSTEM.search(text) and CPT_CODE.search(text)]


def machine_traces(sources: Mapping[str, str]) -> list[str]:
    """Paths of one machine and addresses of package registries."""
    return [
        f"{path} holds {match[0]}"
        for path, text in sources.items()
        if any(word in text for word in _OF_A_MACHINE)
        for match in [*MACHINE_PATH.finditer(text), *REGISTRY.finditer(text)]
    ]


def unknown_targets(readme: str, makefile: str) -> set[str]:
    """The make targets that a README tells people to use and the Makefile lacks."""
    told = re.findall(r"(?:^|`|\$ )make (?:[A-Z_]+=\S+ )*([a-z][\w-]*)", readme, flags=re.MULTILINE)
    return set(told) - set(re.findall(r"^([a-z][\w-]*):", makefile, flags=re.MULTILINE))
