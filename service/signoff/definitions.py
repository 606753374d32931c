"""The definitions by which a rule decides: its own, and those of the findings that it reads, at any depth.

They are found in the sources by name, so it makes no difference where and how the code is installed.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pkgutil import iter_modules

from msgspec import Struct, field

from service.errors import ServiceError
from service.signoff import syntax

# The packages that are followed. How a record is read and a card is written belongs to the program, not to a rule.
_ROOMS = ("cards.findings", "cards.rules")
_DEEPEST_ALIAS = 10


class NoSourceError(ServiceError):
    """The source of a rule is missing, so nobody can tell what would be signed; the message names the module."""


class Place(Struct, frozen=True, order=True):
    """A name that a module defines."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Source(Struct, frozen=True):
    """A module: the statements that define each name, the paths of imported names, and its lines.

    `digests`, `texts` and `named` cache earlier results by name.
    """

    name: str
    defined: Mapping[str, tuple[ast.stmt, ...]]
    imported: Mapping[str, str]
    lines: tuple[str, ...]
    digests: dict[str, str] = field(default_factory=dict)
    texts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    named: dict[str, tuple[Place, ...]] = field(default_factory=dict)

    def written(self, statement: ast.stmt) -> str:
        """A statement as it is written, with the comment behind it."""
        return "\n".join(line.rstrip() for line in self.lines[statement.lineno - 1 : statement.end_lineno])


_sources: dict[str, Source | None] = {}


def source(module: str) -> Source | None:
    """The source of a module, which is read once; None if no module has this name. Raises NoSourceError."""
    if module not in _sources:
        _sources[module] = _found(module)
    return _sources[module]


def forget(module: str) -> None:
    """Read a module again when it is next asked for, because its file has changed."""
    _sources.pop(module, None)


def _there(module: str) -> Source:
    """The source of a module that must exist. Raises NoSourceError."""
    told = source(module)
    if told is None:
        raise NoSourceError(f"the source of {module} is missing, so its rules cannot be signed")
    return told


def _found(module: str) -> Source | None:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.loader is None:
        return None
    text = spec.loader.get_source(module) if hasattr(spec.loader, "get_source") else None
    if text is None:
        raise NoSourceError(f"the source of {module} is missing, so its rules cannot be signed")
    return _read(module, text)


def _read(module: str, text: str) -> Source:
    defined: dict[str, list[ast.stmt]] = {}
    imported: dict[str, str] = {}
    for statement in _statements(ast.parse(text).body):
        if isinstance(statement, ast.ImportFrom):
            for one in statement.names:
                imported[one.asname or one.name] = f"{statement.module}.{one.name}"
        elif isinstance(statement, ast.Import):
            imported |= {one.asname: one.name for one in statement.names if one.asname}
        else:
            for name in _names(statement):
                defined.setdefault(name, []).append(statement)
    frozen = {name: tuple(statements) for name, statements in defined.items()}
    return Source(module, frozen, imported, tuple(text.splitlines()))


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, including those inside an `if` or a `try`."""
    for statement in body:
        if isinstance(statement, ast.If | ast.Try):
            yield from _statements([*statement.body, *statement.orelse])
        else:
            yield statement


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement defines, or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    else:
        written = (part for part in ast.walk(statement) if isinstance(part, ast.Name))
        yield from {part.id: None for part in written if isinstance(part.ctx, ast.Store)}


def definitions(roots: Iterable[Place]) -> dict[Place, tuple[ast.stmt, ...]]:
    """The statements that define the roots and everything that they name, in order. Raises NoSourceError."""
    reached: dict[Place, tuple[ast.stmt, ...]] = {}
    waiting = list(roots)
    own = {root.module for root in waiting}
    while waiting:
        place = waiting.pop()
        if place in reached or (place.module not in own and not _is_followed(place.module)):
            continue
        reached[place] = _there(place.module).defined.get(place.name, ())
        waiting += _named(place)
    return dict(sorted(reached.items()))


def _is_followed(module: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in _ROOMS)


def _named(place: Place) -> tuple[Place, ...]:
    """The names that the statements of a definition use, each at the place where it is defined."""
    module = _there(place.module)
    if place.name not in module.named:
        module.named[place.name] = tuple(_names_in(module, place.name))
    return module.named[place.name]


def _names_in(module: Source, name: str) -> dict[Place, None]:
    named: dict[Place, None] = {}
    for node in (node for statement in module.defined.get(name, ()) for node in ast.walk(statement)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            beneath = module.imported.get(node.value.id)
            meant = _defined(f"{beneath}.{node.attr}") if beneath else None
        elif isinstance(node, ast.Name):
            meant = _meant(module, node.id)
        else:
            continue
        if meant is not None:
            named[meant] = None
    return named


def _meant(module: Source, name: str) -> Place | None:
    if name in module.defined:
        return Place(module.name, name)
    return _defined(module.imported[name]) if name in module.imported else None


@cache
def _defined(path: str, depth: int = 0) -> Place | None:
    """Where the name at the end of a path is defined, followed through imports; None outside the rooms."""
    holder, _, name = path.rpartition(".")
    if not _is_followed(holder) or depth > _DEEPEST_ALIAS:
        return None
    module = source(holder)
    if module is None:
        return None
    if name in module.defined:
        return Place(holder, name)
    return _defined(module.imported[name], depth + 1) if name in module.imported else None


def digest(value: object) -> str:
    """The SHA-256 of a value that JSON can hold. The order of its keys makes no difference."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def digest_of(place: Place) -> str:
    """The SHA-256 of a definition's syntax trees."""
    module = _there(place.module)
    if place.name not in module.digests:
        trees = [syntax.tree(statement) for statement in module.defined.get(place.name, ())]
        module.digests[place.name] = digest(trees)
    return module.digests[place.name]


def texts_of(place: Place) -> tuple[str, ...]:
    """The texts of a definition, in the order in which they are written."""
    module = _there(place.module)
    if place.name not in module.texts:
        statements = module.defined.get(place.name, ())
        module.texts[place.name] = tuple(text for statement in statements for text in syntax.texts(statement))
    return module.texts[place.name]


def words(modules: Iterable[str]) -> tuple[str, ...]:
    """The texts of whole modules, each once. Raises NoSourceError."""
    told: dict[str, None] = {}
    for name in modules:
        module = _there(name)
        for statement in dict.fromkeys(one for statements in module.defined.values() for one in statements):
            told |= dict.fromkeys(syntax.texts(statement))
    return tuple(sorted(told))


def durations(package: str) -> dict[Place, tuple[ast.stmt, ...]]:
    """The definitions of durations in the modules of a package."""
    room = find_spec(package)
    names = [one.name for one in iter_modules(room.submodule_search_locations if room else [])]
    modules = [module for name in names if (module := source(f"{package}.{name}"))]
    return {
        Place(module.name, name): statements
        for module in modules
        for name, statements in sorted(module.defined.items())
        if any("timedelta(" in value for statement in statements for value in syntax.numbers(statement).values())
    }
