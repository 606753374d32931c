"""A gateway in front of the service, through which a page is opened; it can fail and recover during a journey."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.support.http_server import Asked, Gateway, HangUp, Reply


class Between(Gateway):
    """The service behind a gateway, which answers the paths in `faulty` wrongly at the moment."""

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
