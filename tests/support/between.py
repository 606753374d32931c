"""A gateway before the service, through which a page is opened: it stops and goes on in the middle of a journey."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.support.http_server import Asked, Gateway, HangUp, Reply


class Between(Gateway):
    """The service, reached through a gateway; `faulty` are the paths that it does not answer well, at the moment."""

    def __init__(self, address: str) -> None:
        self.faulty: dict[str, Reply | HangUp | float] = {}
        super().__init__(urlsplit(address).port or 0, self._manner)

    def _manner(self, asked: Asked) -> Asked | Reply:
        fault = next((fault for path, fault in self.faulty.items() if asked.target.startswith(path)), None)
        if isinstance(fault, HangUp):
            raise fault
        if isinstance(fault, float):
            self.pause(fault)
        return fault if isinstance(fault, Reply) else asked
