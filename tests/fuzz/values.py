"""Values that a hook request should not hold, each as JSON text: some of them no decoder turns into an object."""

from __future__ import annotations

import json

PATIENT = "whose-7f3"
"""The patient of every body: in no refusal."""
MARK = "Secretive7f3"
"""Stands in values for what a record says of its patient: in no refusal."""

_NUMBERS = [
    "0", "-0", "1", "-1", "2", "5", "6", "0.5", "1e-400", "1e309", "-1e309", "1e999", "1E+308",
    "4.9e-324", "2147483648", "9007199254740993", "9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "1" * 400, "1" * 5000, "-" + "1" * 5000, "0." + "3" * 5000, "1." + "0" * 400 + "1",
    "NaN", "Infinity", "01", "0x10",
]  # fmt: skip
_WORDS = [
    "", " ", "\t\n", "0", "-1", "4-/5", "5/5", "6/5", "1e309", "١٢", "½", "true", "null", "None", "[]", "{}",
    "present", "absent", "left", "right", "bilateral", "unknown", "Right leg " + MARK, "weak " * 40, "x" * 1001,
    "é" * 300, "\u202e" + MARK, "\ufeff" + MARK, "a\u0301" * 300, "\U0001f9b6", "\u2028\u2029", "ﬀ", "\u0131",
    "\x7f\x9b31m", "<script>alert(1)</script>", "[a](javascript:alert(1))", "![x](http://x.example/)",
    "`|*_~#", "{{7*7}}", "%s%n", "../../etc/passwd", "'; DROP TABLE patients; --", "\\", '"', "$(id)",
    "https://user:pw@x.example/" + MARK,
    "urn:uuid:2c1f2a0e-0000-4000-8000-000000000000", "#", "#x", "Patient/" + PATIENT, "Group/g1", "Observation/",
    "http://loinc.org", "http://snomed.info/sct", "M21.37", "final", "entered-in-error", "revoked", "draft", "stat",
    "Observation", "Bundle", "Patient", "Nonsense",
]  # fmt: skip
_MOMENTS = [
    "2026-03-02", "2026-03", "2026", "0000-00-00", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59.999999-23:59",
    "0001-01-01T00:00:00+14:00", "2026-02-30", "2026-13-01", "2026-03-02T25:00:00Z", "2026-03-02T10:00:60Z",
    "2026-03-02T10:00:00", "20260302", "1e9", "2026-W10-1", "+02026-03-02", "2026-03-02T10:00:00+99:99",
]  # fmt: skip
_SHAPES = [
    "null", "true", "false", "[]", "{}", "[[]]", "[null]", "[{}]", "[1, \"a\", null, {}]", "[" * 40 + "]" * 40,
    '{"a":' * 40 + "1" + "}" * 40, '{"value": "3", "unit": "mg"}', '{"coding": null}', '{"coding": [{}]}',
    '{"coding": [{"system": 5, "code": []}]}', '{"reference": null}', '{"reference": "Patient/' + PATIENT + '"}',
    '{"resourceType": "Observation"}', '{"resourceType": "Patient", "id": "' + PATIENT + '"}',
]  # fmt: skip

VALUES = [*_NUMBERS, *(json.dumps(text) for text in (*_WORDS, *_MOMENTS)), *_SHAPES]

ESCAPES = [
    r"\ud800", r"\udc00", r"\ud83e\uddb6", r"\ud800\ud800", r"\u0000", r"\u001b[31m", r"\u009b31m", r"\u202e",
    r"\ufeff", r"\uffff", r"\"", r"\\", r"\/", r"\b\f\r\n\t", r"\x", r"\u12", "\x00", "\x01", "\x1b]0;x\x07", "\n",
    "\x85", "\u2028", "\ud800",
]  # fmt: skip
"""What stands within a text of JSON, rightly or wrongly."""

STATUSES = [
    "draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown", "cancelled", "stopped",
    "registered", "preliminary", "final", "amended", "corrected", "not-done", "in-progress", "finished", "inactive",
    "resolved", "refuted", "FINAL", " final", "aktiv", "",
]  # fmt: skip
