"""Authorities and certificates of the tests, made with openssl."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.support.machine import OPENSSL

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def authority(folder: Path, name: str, subject: str = "Authority") -> Path:
    """The certificate of an authority; its key is in the same folder."""
    return _made(folder, name, "-x509", "-days", "2", "-subj", f"/CN={subject}")


def certificate(folder: Path, name: str, signer: str, subject: str, *extensions: str) -> Path:
    """A certificate that an authority of this folder has signed; its key is in the same folder."""
    signed_by = ["-CA", str(folder / f"{signer}.crt"), "-CAkey", str(folder / f"{signer}.key")]
    added = [word for extension in extensions for word in ("-addext", extension)]
    return _made(folder, name, "-x509", "-days", "2", "-subj", f"/CN={subject}", *signed_by, *added)


def expire(folder: Path, name: str, signer: str) -> None:
    """Make a certificate expire yesterday (Debian 12's openssl cannot backdate one)."""
    old = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
    key = load_pem_private_key((folder / f"{signer}.key").read_bytes(), None)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    unsigned = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number)
    unsigned = unsigned.not_valid_before(yesterday - timedelta(days=1)).not_valid_after(yesterday)
    signed = unsigned.sign(key, SHA256())  # type: ignore[arg-type]
    (folder / f"{name}.crt").write_bytes(signed.public_bytes(Encoding.PEM))


def _made(folder: Path, name: str, *words: str) -> Path:
    written = folder / f"{name}.crt"
    command = [OPENSSL, "req", "-batch", *_KEY, *words, "-keyout", str(folder / f"{name}.key"), "-out", str(written)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return written
