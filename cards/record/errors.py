"""The errors of this package, as one tree: what stops a record, a code of the site, or a question of a rule.

RecordError
├── UnreadableError
│   └── TooLargeError
├── OtherPatientError
├── OverlayError
└── UndeclaredReadError
"""

from __future__ import annotations


class RecordError(ValueError):
    """Something was refused; the message says why and contains nothing from a patient's record."""


class UnreadableError(RecordError):
    """The text is not JSON that we accept."""


class TooLargeError(UnreadableError):
    """The body is over `body.MAX_BYTES`."""


class OtherPatientError(RecordError):
    """A record is another patient's."""


class OverlayError(RecordError):
    """A site's overlay names a key that does not exist; the message names it."""


class UndeclaredReadError(RecordError):
    """A rule asked for something that it did not declare in `reads`; the message names the key."""
