"""The progress of a command on a terminal, shown once it has taken over a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

AFTER_S = 1  # anything finished by then needs no bar


@contextmanager
def progress(words: str, total: int | None, console: Console) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each step, of `total` or an unknown number. Prints only on a terminal.

    The bar disappears when the block ends. Anything printed through the same console meanwhile is above it.
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
