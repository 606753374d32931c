"""The small changes with which a module is tried: mutmut's operators and a few of our own, only on code that decides.

Code that decides nothing is left out: wording (texts, what a card quotes), type annotations, a rule's metadata.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Any, NamedTuple

import libcst as cst
from libcst._nodes.internal import CodegenState
from libcst.metadata import MetadataWrapper, WhitespaceInclusivePositionProvider
from mutmut.mutation import mutators

from tests.mutants.wording import SENTENCES, SILENCES, WORDING, called, quotes, wording

DECIDING_METADATA = frozenset({"hooks", "needs_foot_drop"})

_Operator = Callable[[Any], Iterable[cst.CSTNode]]


class Mutant(NamedTuple):
    """A module with one change: the whole text, the line of the change, and its diff."""

    source: str
    line: int
    diff: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every change of the module, one at a time, in the order of the text; each text once."""
    module = cst.parse_module(source)
    changes = _Changes(wording(module))
    module.visit(changes)
    places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(WhitespaceInclusivePositionProvider)
    lines = source.splitlines(keepends=True)
    statements = [(first_line(statement), statement.end_lineno or 0) for statement in ast.parse(source).body]
    seen = {(first, _meaning(lines[first - 1 : last])) for first, last in statements}
    for old, new, depth in changes.changes:
        start, end = places[old].start, places[old].end
        first, last = next(span for span in statements if span[0] <= start.line and end.line <= span[1])
        before, after = lines[start.line - 1][: start.column], lines[end.line - 1][end.column :]
        changed = f"{before}{_written(module, new, depth)}{after}"
        meaning = first, _meaning([*lines[first - 1 : start.line - 1], changed, *lines[end.line : last]])
        if meaning[1] is not None and meaning not in seen:
            seen.add(meaning)
            text = "".join([*lines[: start.line - 1], changed, *lines[end.line :]])
            yield Mutant(text, *_difference(source, text))


def _written(module: cst.Module, node: cst.CSTNode, depth: int) -> str:
    """The text of a part that is nested this many blocks deep."""
    state = CodegenState(module.default_indent, module.default_newline)
    for _ in range(depth):
        state.increase_indent(module.default_indent)
    node._codegen(state)
    return "".join(state.tokens)


def first_line(statement: ast.stmt) -> int:
    """The line on which a statement begins, including its decorators."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _meaning(lines: Iterable[str]) -> str | None:
    """The meaning of one statement of a module, however it is formatted; None when it has none."""
    try:
        return ast.dump(ast.parse("".join(lines)))
    except SyntaxError:
        return None


def _difference(before: str, after: str) -> tuple[int, str]:
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    first = lines[0].split()[1].lstrip("-").partition(",")[0]
    return int(first), "\n".join(line for line in lines if not line.startswith("@@"))


# A target is a name; a decorator is metadata, and `_visit_metadata` takes the part of it that decides.
_NO_DECISION = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.AssignTarget)


class _Changes(cst.CSTVisitor):
    def __init__(self, skipped: Container[cst.CSTNode]) -> None:
        super().__init__()
        self._skipped = skipped
        self.changes: list[tuple[cst.CSTNode, cst.CSTNode, int]] = []
        self._depth = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        self._depth += isinstance(node, cst.IndentedBlock)
        if isinstance(node, cst.Decorator):
            self._visit_metadata(node)
        if node in self._skipped or isinstance(node, _NO_DECISION):
            return False
        if isinstance(node, cst.ClassDef):
            node.body.visit(self)
            return False  # its bases and its options, `frozen=True`
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                self.changes += [(*_narrowed(node, new), self._depth) for new in operator(node)]
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        self._depth -= isinstance(original_node, cst.IndentedBlock)

    def _visit_metadata(self, node: cst.Decorator) -> None:
        for arg in getattr(node.decorator, "args", ()):
            if arg.keyword is not None and arg.keyword.value in DECIDING_METADATA:
                arg.value.visit(self)


def _narrowed(node: cst.CSTNode, new: cst.CSTNode) -> tuple[cst.CSTNode, cst.CSTNode]:
    """Only a condition, not the whole block under it: a block by itself has lost its depth."""
    return (node.test, new.test) if isinstance(node, cst.If) and isinstance(new, cst.If) else (node, new)


def less_one(node: cst.Integer) -> Iterator[cst.CSTNode]:
    """`30` -> `29`: the last day of a window (the operators of mutmut give `31`)."""
    if node.evaluated_value > 0:
        yield node.with_changes(value=repr(node.evaluated_value - 1))


def fewer_parts(node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> Iterator[cst.CSTNode]:
    """`("a", "b")` -> `("a",)`, `("b",)`: a key, a sign or a status that no case needs."""
    for index, part in enumerate(node.elements):
        if len(node.elements) > 1 and not quotes(part.value):
            kept = [*node.elements[:index], *node.elements[index + 1 :]]
            if len(kept) == 1:
                kept = [kept[0].with_changes(comma=cst.Comma())]
            yield node.with_changes(elements=kept)


def other_arguments(node: cst.Call) -> Iterator[cst.CSTNode]:
    """mutmut's dropped and emptied arguments, except those that are wording."""
    for changed in mutators.operator_arg_removal(node):
        left = changed.args
        arg = next(arg for index, arg in enumerate(node.args) if index >= len(left) or left[index] is not arg)
        is_wording = arg.keyword is not None and arg.keyword.value in WORDING | SENTENCES
        is_sentence = arg.keyword is None and called(node) in SILENCES
        if not (is_wording or is_sentence):
            yield changed


def other_value(node: cst.Assign | cst.AnnAssign) -> Iterator[cst.CSTNode]:
    """mutmut's `a = b` -> `a = None`, except for texts."""
    if node.value is not None and not isinstance(node.value, cst.BaseString):
        yield from mutators.operator_assignment(node)


OPERATORS: Sequence[tuple[type | tuple[type, ...], _Operator]] = (
    (cst.BaseNumber, mutators.operator_number),
    (cst.Integer, less_one),
    (cst.Name, mutators.operator_name),
    ((cst.Assign, cst.AnnAssign), other_value),
    (cst.AugAssign, mutators.operator_augmented_assignment),
    (cst.UnaryOperation, mutators.operator_remove_unary_ops),
    (cst.Call, other_arguments),
    (cst.Lambda, mutators.operator_lambda),
    (cst.CSTNode, mutators.operator_keywords),
    (cst.CSTNode, mutators.operator_swap_op),
    (cst.Match, mutators.operator_match),
    ((cst.IfExp, cst.If, cst.CompIf), mutators.operator_if_exp),  # each has a `test`, forced both ways
    ((cst.Tuple, cst.List, cst.Set, cst.Dict), fewer_parts),
)
