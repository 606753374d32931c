"""Removes characters that no text should hold: control characters, halves of surrogate pairs (O15); the rest stays."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 8 * 1024 * 1024  # bytes: a larger body is not mended
_ESCAPE = rb"(?<!\\)((?:\\\\)*)\\u"  # not one whose backslash is itself escaped
_ANY_CONTROL = re.compile(rb"\\u00(?:[01]|7[fF]|[89])")  # a quick test, since almost no body holds one
_SPACE = re.compile(_ESCAPE + rb"00(?:09|0[aAdD])")
_CONTROL = re.compile(_ESCAPE + rb"00(?:[01][0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])")
_HIGH, _LOW = rb"[dD][89aAbB][0-9a-fA-F]{2}", rb"[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = re.compile(_ESCAPE + rb"(?:" + _HIGH + rb"(?!\\u" + _LOW + rb")|(?<!\\u" + _HIGH + rb"\\u)" + _LOW + rb")")
_ENCODED = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")  # a half in UTF-8, which UTF-8 does not allow
_MARK = b"\xef\xbb\xbf"
_WHITE = bytes.maketrans(b"\t\n\r", b"   ")
_OTHERS = bytes(code for code in range(0x20) if code not in b"\t\n\r")


def cleaned(body: bytes) -> bytes:
    """JSON without escaped control characters, which a decoder would take as text."""
    if len(body) > MOST or b"\\" not in body or not _ANY_CONTROL.search(body):
        return body
    return _CONTROL.sub(rb"\1", _SPACE.sub(rb"\1 ", body))


def mended(body: bytes) -> bytes:
    """Text that is not JSON, without the characters that JSON does not allow in a string; unchanged if it has none.

    A byte order mark before it is removed too: RFC 8259 lets a parser ignore it.
    """
    if len(body) > MOST:
        return body
    body = body.removeprefix(_MARK).translate(_WHITE, _OTHERS)
    if not body.isascii():
        body = _ENCODED.sub(b"", body)
    return _LONE.sub(rb"\1", body) if b"\\ud" in body or b"\\uD" in body else body
