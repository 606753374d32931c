"""The memory of a service that is tried out: it holds only the newest answers, and ends with the process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.memory.rows import Answer, Answered, Feedback, Taken, is_own

MOST = 1000  # answers, and entries of feedback


class InProcess:
    """Remembers the newest answers and entries of feedback."""

    lost = 0

    def __init__(self) -> None:
        self.answered: dict[str, Answered] = {}
        self.feedback: dict[str, Feedback] = {}
        self._shown_to: dict[str, tuple[str, str]] = {}

    def close(self) -> None:
        """There is nothing to close."""

    def put(self, rows: Callable[[], Answered]) -> None:
        """Keep what was answered."""
        answered = rows()
        self.answered[answered.evaluation.id] = answered
        self._shown_to.update({card.uuid: (card.client, card.tenant) for card in answered.cards})
        if len(self.answered) > MOST:
            oldest = self.answered.pop(next(iter(self.answered)))
            for card in oldest.cards:
                del self._shown_to[card.uuid]

    def answers(self, patient: str, since: int) -> list[Answer]:
        """None: a service that is tried out never falls silent."""
        return []

    def take(self, events: Sequence[Feedback], tenants: frozenset[str]) -> Taken:
        """Keep feedback from a client that may speak for these tenants."""
        taken = Taken()
        for event in events:
            shown_to = self._shown_to.get(event.card)
            if not is_own(shown_to, event.client, tenants):
                taken.others += 1
                continue
            taken.unknown += shown_to is None
            is_new = event.id not in self.feedback
            taken.new, taken.again = taken.new + is_new, taken.again + (not is_new)
            self.feedback.setdefault(event.id, event)
        while len(self.feedback) > MOST:
            del self.feedback[next(iter(self.feedback))]
        return taken
