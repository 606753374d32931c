"""The small changes that a module is tried with: mutmut's operators, and a few of our own, on what decides alone.

Left out is what decides nothing: wording (texts, what a card quotes), type annotations, a rule's metadata.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from difflib import unified_diff
from typing import Any, NamedTuple

import libcst as cst
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
    found = _Changes(wording(module))
    module.visit(found)
    seen = {ast.dump(ast.parse(source))}
    for old, new in found.changes:
        changed = cst.ensure_type(module.deep_replace(old, new), cst.Module).code
        meaning = _meaning(changed)
        if meaning is not None and meaning not in seen:
            seen.add(meaning)
            yield Mutant(changed, *_difference(source, changed))


def _meaning(source: str) -> str | None:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None


def _difference(before: str, after: str) -> tuple[int, str]:
    lines = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    first = lines[0].split()[1].lstrip("-").partition(",")[0]
    return int(first), "\n".join(line for line in lines if not line.startswith("@@"))


# A target is a name; a decorator is metadata, of which `_visit_metadata` takes what decides.
_NO_DECISION = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.AssignTarget)


class _Changes(cst.CSTVisitor):
    def __init__(self, skipped: Container[cst.CSTNode]) -> None:
        super().__init__()
        self._skipped = skipped
        self.changes: list[tuple[cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Decorator):
            self._visit_metadata(node)
        if node in self._skipped or isinstance(node, _NO_DECISION):
            return False
        if isinstance(node, cst.ClassDef):
            node.body.visit(self)
            return False  # its bases and its options, `frozen=True`
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                self.changes += [(node, new) for new in operator(node)]
        return True

    def _visit_metadata(self, node: cst.Decorator) -> None:
        for arg in getattr(node.decorator, "args", ()):
            if arg.keyword is not None and arg.keyword.value in DECIDING_METADATA:
                arg.value.visit(self)


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
    """mutmut's dropped and emptied arguments, but for those that are wording."""
    for changed in mutators.operator_arg_removal(node):
        left = changed.args
        arg = next(arg for index, arg in enumerate(node.args) if index >= len(left) or left[index] is not arg)
        is_wording = arg.keyword is not None and arg.keyword.value in WORDING | SENTENCES
        is_sentence = arg.keyword is None and called(node) in SILENCES
        if not (is_wording or is_sentence):
            yield changed


def other_value(node: cst.Assign | cst.AnnAssign) -> Iterator[cst.CSTNode]:
    """mutmut's `a = b` -> `a = None`, but for texts."""
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
