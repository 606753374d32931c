"""Python source as a tree that is the same in every version of Python, and the words and numbers in it.

`ast.dump` differs between versions, so this module writes the tree itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

Tree = list["Tree"] | list[str] | str | None
"""A node as `[type, field, value, ...]`; a list of nodes as `["list", ...]`; a constant as `[type, text]`."""

# Fields without a meaning, or that exist only in some versions of Python.
_NO_MEANING = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_PLACEHOLDER = "…"


def tree(node: object) -> Tree:
    """A node without formatting, comments and docstrings."""
    if isinstance(node, ast.Constant):
        return [type(node.value).__name__, _text_of(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", *map(tree, _merged(node.values))]
    if isinstance(node, ast.AST):
        written: list[Tree] = [type(node).__name__]
        for name, value in ast.iter_fields(node):
            if name not in _NO_MEANING and value not in (None, []):
                written += [name, tree(value)]
        return written
    if isinstance(node, list):
        return ["list", *(tree(one) for one in node if not _is_docstring(one))]
    return None if node is None else str(node)


def texts(node: ast.AST) -> Iterator[str]:
    """The texts of at least two words in a node, with names in braces for what is filled in."""
    if _is_docstring(node):
        return
    if isinstance(node, ast.JoinedStr | ast.Constant):
        text = _template(node)
        if _has_two_words(text):
            yield text
        if isinstance(node, ast.Constant):
            return
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
            yield from texts(child)


def numbers(statement: ast.stmt) -> dict[str, str]:
    """The constants (names in capitals) that a statement sets to something with a number in it, as written."""
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets, value = [statement.target], statement.value
    else:
        return {}
    if not any(isinstance(part, ast.Constant) and _is_number(part.value) for part in ast.walk(value)):
        return {}
    names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return {name: ast.unparse(value) for name in names if name.isupper()}


def _has_two_words(text: str) -> bool:
    return sum(any(map(str.isalpha, word)) for word in text.split()) > 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_docstring(node: object) -> bool:
    """Whether a node is a text on its own: a docstring of a module, a class, a function or an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _merged(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string. Versions of Python split its constants at different places."""
    merged: list[ast.expr] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, ast.Constant) and isinstance(last, ast.Constant):
            merged[-1] = ast.Constant(_text_of(last.value) + _text_of(part.value))
        elif not (isinstance(part, ast.Constant) and part.value == ""):
            merged.append(part)
    return merged


def _template(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_template, node.values))
    return f"{{{_name(node.value)}}}" if isinstance(node, ast.FormattedValue) else ""


def _name(node: ast.AST) -> str:
    """The last name of what is filled in: `drop.onset` is `onset`, `days(WINDOW)` is `days WINDOW`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lstrip("_")
        case ast.Call(func=called, args=given):
            return " ".join([_name(called), *(_name(one) for one in given if isinstance(one, ast.Name))])
        case ast.Subscript(value=inner) | ast.UnaryOp(operand=inner):
            return _name(inner)
        case ast.IfExp(body=one, orelse=other):
            return " | ".join(filter(None, (_template(one) or _named(one), _template(other) or _named(other))))
    return _PLACEHOLDER


def _named(node: ast.AST) -> str:
    return "" if isinstance(node, ast.Constant | ast.JoinedStr) else _name(node)
