"""Certificates for runs over TLS: an authority of our own, and a server that it vouches for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import attrs

from bench.plan import Run


@attrs.frozen
class Certificates:
    """Two PEM files: the authority's certificate, and the server's with its key."""

    authority: Path
    server: Path

    def secure(self, run: Run) -> Run:
        """Return the run over TLS."""
        return dataclasses.replace(run, authority=str(self.authority), certificate=str(self.server))


def issue(folder: Path) -> Certificates:
    """Write them into a folder."""
    import trustme  # noqa: PLC0415 - needed for nothing else

    authority = trustme.CA()
    certificates = Certificates(folder / "authority.pem", folder / "server.pem")
    authority.cert_pem.write_to_path(str(certificates.authority))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificates.server))
    return certificates
