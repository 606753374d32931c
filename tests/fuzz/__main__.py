"""`make fuzz`: 20,000 mutated bodies, every path of eight bodies with every value, and the published operations.

A body whose answer is wrong is kept in build/fuzz; `python -m tests.fuzz --again FILE` posts it again.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.fuzz import asking, operations
from tests.fuzz.asking import KEPT, Report
from tests.fuzz.parts import PARTS, PROCESSES, client, of_the_document, part


def main(arguments: list[str]) -> int:
    """0 when every answer is right, else 1."""
    parser = ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--bodies", type=int, default=20_000, help="how many mutated bodies")
    parser.add_argument("--seed", type=int, default=1, help="from which all follows")
    parser.add_argument("--no-paths", action="store_true", help="leave out every path of eight bodies")
    parser.add_argument("--examples", type=int, default=500, help="how many of each operation, allowed and forbidden")
    parser.add_argument("--again", type=Path, metavar="FILE", help="a body that was kept")
    chosen = parser.parse_args(arguments)
    described = operations.Report()
    if chosen.again:
        report = asking.ask(client(), [asking.again(chosen.again)])
        print(asking.wrong(report), end="")
    else:
        with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
            asked = pool.submit(of_the_document, chosen)
            report = Report()
            for one in pool.map(part, range(PARTS), [chosen] * PARTS):
                report += one
                print(asking.wrong(one), end="", flush=True)
            described = asked.result()
    print(*described.lines, sep="\n")
    print(asking.counts(report))
    if report.wrong:
        print(f"{len(report.wrong)} answers are wrong (seed {chosen.seed}); the bodies are in {KEPT}/")
    return 1 if report.wrong or described.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
