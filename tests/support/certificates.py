"""Certificates, good and bad, and what a server needs to show them."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """A private authority."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def write(self, directory: Path) -> str:
        """Write the authority's certificate, and return where."""
        path = directory / "authority.pem"
        self._ca.cert_pem.write_to_path(str(path))
        return str(path)

    def server(self, name: str, *, expired: bool = False) -> ssl.SSLContext:
        """Return what a server of this name speaks TLS with."""
        past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC) if expired else None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(name, not_after=past).configure_cert(context)
        return context

    def by_itself(self, directory: Path) -> ssl.SSLContext:
        """Return what a server speaks TLS with whose certificate nobody else has signed."""
        path = directory / "self-signed.pem"
        path.write_bytes(self._ca.private_key_pem.bytes() + self._ca.cert_pem.bytes())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context

    def revocations(self) -> bytes:
        """Return a PEM file that is well-formed and vouches for nobody: an empty list of revoked certificates."""
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        issuer = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes()).subject
        since, until = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2020, 2100))
        builder = x509.CertificateRevocationListBuilder(issuer, since, until)
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
