"""A server that does everything wrong, byte by byte, in the ways that `KINDS` lists.

    with BadServer(KINDS["silence"]) as server:
        ...ask server.base...

Once a request has come, a manner writes anything to the connection, and waits only by `line.pause`.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

from tests.support.places import ROOT

TLS = ROOT / "tests/data/tls"
KIND = "DiagnosticReport"
MIB = 1024 * 1024


class Line:
    """A connection on which a request has come."""

    def __init__(self, connection: socket.socket, base: str, target: str, closing: threading.Event) -> None:
        self.connection = connection
        self.base = base
        self.target = target
        self._closing = closing

    def pause(self, seconds: float = 60.0) -> None:
        """Wait, but not longer than the server listens."""
        self._closing.wait(seconds)

    def send(self, *parts: bytes) -> None:
        """Send at once."""
        for part in parts:
            self.connection.sendall(part)

    def drip(self, data: bytes, pause: float = 0.01) -> None:
        """Send byte by byte."""
        for number in range(len(data)):
            self.send(data[number : number + 1])
            self.pause(pause)

    def flood(self, piece: bytes, first: bytes = b"") -> None:
        """Send without end."""
        self.send(first)
        while not self._closing.is_set():
            self.send(piece)

    def reset(self) -> None:
        """End the connection with an RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Manner = Callable[[Line], None]


class BadServer:
    """The server; it listens inside its `with` block. Its base names `scheme`, whatever the server really speaks."""

    def __init__(self, manner: Manner, scheme: str = "http", *, is_secure: bool = False) -> None:
        self._manner = manner
        self._secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if is_secure else None
        if self._secure:
            self._secure.load_cert_chain(TLS / "server.pem")
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.base = f"{scheme}://localhost:{self._listener.getsockname()[1]}/fhir"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._secure:
                connection = self._secure.wrap_socket(connection, server_side=True)
            with connection:
                head = connection.recv(65536)
                target = head.split(b" ", 2)[1].decode("ascii", "replace") if head.count(b" ") > 1 else ""
                self._manner(Line(connection, self.base, target, self._closing))


def answer(body: bytes, *headers: str, status: str = "200 OK", length: str = "") -> bytes:
    """A well-formed answer, or one that states a wrong length."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/fhir+json", "Connection: close", *headers]
    if length != "none":
        lines.append(f"Content-Length: {length or len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def bundle(entries: Iterable[bytes] = (), following: str = "") -> bytes:
    """A searchset."""
    links = [{"relation": "next", "url": following}] if following else []
    start = json.dumps({"resourceType": "Bundle", "type": "searchset", "link": links}).encode()[:-1]
    return start + b', "entry": [' + b",".join(entries) + b"]}"


def report(number: int = 1, more: str = "") -> bytes:
    """An entry with a report."""
    return (
        f'{{"resource": {{"resourceType": "{KIND}", "id": "r{number}", "status": "final"'
        f', "subject": {{"reference": "Patient/p1"}}{more}}}}}'
    ).encode()


def says(body: bytes, *headers: str, status: str = "200 OK", length: str = "") -> Manner:
    """The manner of one answer."""
    return lambda line: line.send(answer(body, *headers, status=status, length=length))


def _page(following: Callable[[Line], str], entries: Iterable[bytes] = (), pause: float = 0.0) -> Manner:
    def manner(line: Line) -> None:
        line.pause(pause)
        line.send(answer(bundle(entries, following(line))))

    return manner


def _in_turn(line: Line) -> str:
    """Each of two pages names the other as the next."""
    return f"{line.base}/{KIND}?page={'a' if 'page=b' in line.target else 'b'}"


def _onward(line: Line) -> str:
    """There is always another page."""
    number = line.target.partition("page=")[2] or "0"
    return f"{line.base}/{KIND}?page={int(number) + 1}"


def _then(line: Line, end: Callable[[], None], *parts: bytes) -> None:
    line.send(*parts)
    end()


def _drip_with(head: bytes) -> Manner:
    return lambda line: _then(line, lambda: line.drip(b"x" * 10_000), head)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
GOOD = bundle([report()])
HALF = answer(GOOD)[:-40]
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(GOOD)
BOMB = gzip.compress(b'{"resourceType": "Bundle"' + b" " * (64 * MIB))
MANY = bundle(report(number, ', "note": "' + "x" * 150 + '"') for number in range(45_000))
MISFITS = bundle(report(number, ', "code": 7') for number in range(40_000))
CODINGS = b",".join([b"{}"] * 200_000)
SPACES = b" " * (20 * MIB)
RECORD_HEADER = b"\x16\x03\x03\x40\x00"  # of TLS: a handshake message of 16 KiB follows

CONNECTIONS: dict[str, Manner] = {
    "closes at once": lambda line: None,
    "resets": lambda line: line.reset(),
    "resets in the body": lambda line: _then(line, line.reset, HALF),
    "is silent": lambda line: line.pause(),
    "speaks TLS where HTTP was asked": lambda line: line.send(b"\x15\x03\x03\x00\x02\x02\x46"),
    "sends garbage": lambda line: line.send(bytes(range(256)) * 16),
    "sends garbage without end": lambda line: line.flood(b"\x00" * 65536),
    "speaks SMTP": lambda line: _then(line, line.pause, b"220 mail.example ESMTP\r\n"),
    "speaks HTTP/0.9": lambda line: line.send(GOOD),
    "speaks HTTP/9": lambda line: line.send(answer(GOOD).replace(b"HTTP/1.1", b"HTTP/9.9x")),
}
HEADS: dict[str, Manner] = {
    "drips the status": lambda line: line.drip(b"HTTP/1.1 200 " + b"x" * 10_000),
    "drips the headers": _drip_with(HEAD + b"X: "),
    "sends headers without end": lambda line: line.flood(b"X-Header: y\r\n" * 50, HEAD),
    "sends a header without end": lambda line: line.flood(b"x" * 65536, HEAD + b"X: "),
    "continues without end": lambda line: line.flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "has the status 999": says(GOOD, status="999 Odd"),
    "has a status of letters": says(GOOD, status="abc Odd"),
    "has no status": says(GOOD, status=""),
    "sets cookies without end": says(b"", *[f"Set-Cookie: c{number}=x" for number in range(200)]),
}
LENGTHS: dict[str, Manner] = {
    "is longer than it says": says(GOOD, length=str(len(GOOD) - 9)),
    "is shorter than it says, and closes": says(GOOD, length=str(len(GOOD) + 9)),
    "is shorter than it says, and waits": lambda line: _then(line, line.pause, answer(GOOD, length=str(len(GOOD) + 9))),
    "says two lengths": says(GOOD, "Content-Length: 5"),
    "says a length in words": lambda line: _then(line, line.pause, answer(GOOD, length="many")),
    "says a length below zero, and waits": lambda line: _then(line, line.pause, answer(GOOD, length="-5")),
    "says a length of forty digits": lambda line: _then(line, line.pause, answer(GOOD, length="9" * 40)),
    "has a chunk of no size": says(b"zz\r\n" + GOOD, "Transfer-Encoding: chunked", length="none"),
    "has a chunk below zero": says(b"-5\r\n" + GOOD, "Transfer-Encoding: chunked", length="none"),
    "has a chunk size without end": lambda line: line.flood(b"0" * 65536, CHUNKED),
    "drips chunks": lambda line: _then(line, lambda: line.drip(b"1\r\n \r\n" * 2000, 0.002), CHUNKED),
    "breaks off a chunk": lambda line: line.send(CHUNKED + b"ff\r\n" + GOOD[:20]),
    "never sends the last chunk": lambda line: _then(line, line.pause, CHUNKED + b"2\r\n{}\r\n"),
}
BODIES: dict[str, Manner] = {
    "drips the body": _drip_with(HEAD + b"\r\n"),
    "has a body without end": lambda line: line.flood(b" " * 65536, HEAD + b"\r\n"),
    "stops in the body": lambda line: _then(line, line.pause, HALF),
    "is a web page": says(b"<!DOCTYPE html><p>Sign in</p>", "Content-Type: text/html"),
    "is a web page that says it is FHIR": says(b"  <html><p>Sign in</p>"),
    "is XML": says(b"<Bundle xmlns='http://hl7.org/fhir'/>"),
    "is text": says(b"Not today"),
    "is empty": says(b""),
    "is 204": lambda line: line.send(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "is 206": says(GOOD[:50], status="206 Partial"),
    "is a list": says(b"[" + GOOD + b"]"),
    "is null": says(b"null"),
    "is another resource": says(b'{"resourceType": "Patient", "id": "p1"}'),
    "holds other resources": says(bundle([b'{"resource": {"resourceType": "Patient", "id": "p1"}}'])),
    "is an OperationOutcome": says(b'{"resourceType": "OperationOutcome", "issue": [{"severity": "fatal"}]}'),
    "has no type": says(b'{"entry": []}'),
    "has entries of text": says(b'{"resourceType": "Bundle", "entry": "none"}'),
    "is no UTF-8": says(GOOD.replace(b"final", b"\xff\xfe\x80")),
    "is UTF-16": says(GOOD.decode().encode("utf-16")),
    "is cut": says(GOOD[:-5]),
    "nests arrays": says(b"[" * 100_000),
    "nests objects": says(bundle([b'{"resource": ' + b'{"a": ' * 50_000 + b"1" + b"}" * 50_000 + b"}"])),
    "is 20 MiB of blanks": says(SPACES),
    "decodes longer than the deadline": says(MANY),
    "holds misfits alone": says(MISFITS),
    "holds 200,000 empty entries": says(bundle([CODINGS])),
    "holds a record of 200,000 elements": says(b'{"resourceType": "Bundle", "entry": {"code": [' + CODINGS + b"]}}"),
    "holds a number of a million digits": says(b'{"resourceType": "Bundle", "total": ' + b"9" * MIB + b', "entry": 1}'),
}
ENCODINGS: dict[str, Manner] = {
    "is a gzip bomb": says(BOMB, "Content-Encoding: gzip"),
    "is a bomb in a bomb": says(gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
    "is a deflate bomb": says(zlib.compress(SPACES), "Content-Encoding: deflate"),
    "is broken gzip": says(PACKED[:20] + b"\x00" * 20 + PACKED[40:], "Content-Encoding: gzip"),
    "is gzip cut short": says(PACKED[:-30], "Content-Encoding: gzip"),
    "says gzip, and is none": says(GOOD, "Content-Encoding: gzip"),
    "is gzip, and does not say so": says(PACKED),
    "has an unknown encoding": says(PACKED, "Content-Encoding: secret"),
    "has twenty encodings": says(PACKED, "Content-Encoding: " + ", ".join(["gzip"] * 20)),
}
STATUSES: dict[str, Manner] = {
    **{
        f"redirects by {status}": lambda line, status=status: line.send(  # type: ignore[misc]
            answer(GOOD, f"Location: {line.base}/{KIND}", status=f"{status} Moved")
        )
        for status in (301, 302, 303, 307, 308)
    },
    "redirects to a file": says(b"", "Location: file:///etc/passwd", status="302 Found"),
    **{f"answers {status}": says(GOOD, status=f"{status} Refused") for status in (400, 401, 403, 404, 407, 410, 422)},
    "is busy for an hour": says(GOOD, "Retry-After: 3600", status="429 Busy"),
    "fails with a body without end": lambda line: line.flood(b"x" * 65536, b"HTTP/1.1 500 Fault\r\n\r\n"),
    "fails and waits": lambda line: _then(line, line.pause, b"HTTP/1.1 503 Away\r\nContent-Length: 9\r\n\r\n"),
}
PAGES: dict[str, Manner] = {
    "names itself as the next page": _page(lambda line: f"{line.base}/{KIND}?page=a", [report()]),
    "has two pages that name each other": _page(_in_turn, [report()]),
    "has pages without end": _page(_onward, [report()]),
    "has slow pages without end": _page(_onward, [report()], pause=0.04),
    "has large pages without end": _page(_onward, [report(1, ', "note": "' + "x" * 3 * MIB + '"')]),
    "names a page of another server": _page(lambda _: "http://127.0.0.1:1/fhir/page"),
    "names a page outside of its base": _page(lambda line: f"{line.base}/../../page"),
    "names a page by another scheme": _page(lambda line: line.base.replace("http:", "https:")),
    "names a file as a page": _page(lambda _: "file:///etc/passwd"),
    "names a page with a password": _page(lambda line: line.base.replace("://", "://user:secret@")),
    "names a page by a million letters": _page(lambda line: f"{line.base}/{KIND}?page={'x' * MIB}"),
    "names a page with a line break": _page(lambda line: f"{line.base}/{KIND}?a\r\nX-Y: z"),
}
KINDS = CONNECTIONS | HEADS | LENGTHS | BODIES | ENCODINGS | STATUSES | PAGES
SECURE: dict[str, tuple[Manner, bool]] = {
    "https, and nothing comes": (lambda line: line.pause(), False),
    "https, and the handshake drips": (_drip_with(RECORD_HEADER), False),
    "https, and plain HTTP comes": (says(GOOD), False),
    "https, and garbage comes": (lambda line: line.flood(b"\x80" * 65536), False),
    "https, and it closes": (lambda line: None, False),
    "https, then silence": (lambda line: line.pause(), True),
    "https, then a drip": (_drip_with(HEAD + b"\r\n"), True),
    "https, then a cut": (lambda line: line.send(HALF), True),
}
"""What a server does behind an https address, and whether it speaks TLS at all."""
