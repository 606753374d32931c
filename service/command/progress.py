"""How far a command has come, on a terminal, once it has taken over a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

AFTER_S = 1  # what is done by then needs no bar


@contextmanager
def progress(words: str, total: int | None, console: Console) -> Iterator[Callable[[], None]]:
    """Call what this yields after each step; `total` steps, or as many as there are. Elsewhere nothing is printed.

    The bar goes when the block ends. What is printed through the same console meanwhile stands above it.
    """
    if not console.is_terminal:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(words, total=total)
    soon = Timer(AFTER_S, bar.start)
    soon.daemon = True
    soon.start()
    try:
        yield lambda: bar.advance(task)
    finally:
        soon.cancel()
        soon.join()
        bar.stop()
