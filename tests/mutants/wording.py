"""The parts of a module that word an answer and decide nothing: texts, quoted facts, and code that only serves them."""

from __future__ import annotations

import libcst as cst

WORDING = frozenset({"detail", "ask", "quote", "label", "note", "because", "reasons"})
SENTENCES = frozenset({"summary", "quiet_summary"})  # the choice between them is a decision
SILENCES = frozenset(
    {"not_applicable", "suppressed", "could_not_evaluate"}
)  # called with a sentence and what it quotes

_Name = tuple[str, str]  # the function around it ("" for the module), and the name itself


def wording(module: cst.Module) -> set[cst.CSTNode]:
    """The nodes that decide nothing, the outermost of each.

    In addition to texts and quoted facts, these are assignments and private functions, if every use of them
    lies within such a node.
    """
    silent: frozenset[_Name] = frozenset()
    while True:
        uses = _Uses(silent)
        module.visit(uses)
        found = frozenset(uses.made - uses.deciding)
        if found == silent:
            return uses.wording
        silent = found


def called(node: cst.Call) -> str:
    """The name of what is called, with its dots."""
    return cst.Module([]).code_for_node(node.func)


def quotes(node: cst.CSTNode) -> bool:
    """Whether this is `Evidence.of(...)`, which a card shows and no rule reads."""
    return isinstance(node, cst.Call) and called(node) == "Evidence.of"


class _Uses(cst.CSTVisitor):
    def __init__(self, silent: frozenset[_Name]) -> None:
        super().__init__()
        self._silent = silent
        self._function = ""
        self._within: list[cst.CSTNode] = []
        self.wording: set[cst.CSTNode] = set()
        self.made: set[_Name] = set()
        self.deciding: set[_Name] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and not self._function:
            self._function = node.name.value
            self._make("", node.name, private=True)
        if self._is_wording(node):
            self.wording |= set() if self._within else {node}
            self._within.append(node)
        if isinstance(node, cst.Name) and not self._within:
            self.deciding |= {("", node.value), (self._function, node.value)}
        for part in _uses(node):
            part.visit(self)
        return not _uses(node) and not isinstance(node, cst.AssignTarget)

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._within and self._within[-1] is original_node:
            self._within.pop()
        if isinstance(original_node, cst.FunctionDef) and original_node.name.value == self._function:
            self._function = ""

    def _make(self, function: str, name: cst.Name, *, private: bool) -> None:
        if not private or name.value.startswith("_"):
            self.made.add((function, name.value))

    def _is_wording(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef):
            returns = cst.Module([]).code_for_node(node.returns.annotation) if node.returns else ""
            return "Evidence" in returns or ("", node.name.value) in self._silent
        if isinstance(node, cst.Assign | cst.AugAssign) and (names := _assigned(node)):
            for name in names:
                self._make(self._function, name, private=not self._function)
            return all((self._function, name.value) in self._silent for name in names)
        if isinstance(node, cst.Arg):
            return node.keyword is not None and node.keyword.value in WORDING
        return quotes(node) or isinstance(node, cst.Annotation | cst.FormattedString | cst.ConcatenatedString)


def _assigned(node: cst.Assign | cst.AugAssign) -> list[cst.Name]:
    """`a = 1`, `a += 1` and `a, b = 1, 2`; nothing for a target that is more than names."""
    target = node.target if isinstance(node, cst.AugAssign) else node.targets[0].target
    parts = [part.value for part in target.elements] if isinstance(target, cst.Tuple) else [target]
    names = [part for part in parts if isinstance(part, cst.Name)]
    return names if len(names) == len(parts) else []


def _uses(node: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """The parts that use names, where a node also holds names that are not used."""
    if isinstance(node, cst.FunctionDef):
        return (*node.decorators, *(part for each in node.params.params if (part := each.default)), node.body)
    return (node.value,) if isinstance(node, cst.Attribute | cst.Arg | cst.AugAssign) else ()
