"""A certificate for loopback and the authority that issued it, made once and kept in a folder.

Voice clients insist on `wss://`, so even a voice server on loopback needs a certificate that verifies.
"""

import os
import ssl
import tempfile
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature

NAMES = ("localhost", "127.0.0.1")


class Certificates:
    """Certificates in `folder`: ca.pem for clients, and server.pem with its key, mode 0600. They do not expire.

    Making an instance replaces both when one is missing, damaged or was not made with the other, and leaves
    them alone otherwise, so a client that trusted `ca_file` still trusts it. The authority's own key is never
    stored, so nobody can issue another certificate that such a client would accept.
    """

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self._server_file = folder / "server.pem"
        folder.mkdir(parents=True, exist_ok=True)
        if not self._are_good():
            ca = trustme.CA()
            server = ca.issue_cert(*NAMES)
            _write_secret(self._server_file, server.private_key_and_cert_chain_pem.bytes())
            ca.cert_pem.write_to_path(self.ca_file)

    def server_context(self) -> ssl.SSLContext:
        """The context a server on localhost or 127.0.0.1 listens with."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._server_file)
        return context

    def _are_good(self) -> bool:
        try:
            self.server_context()
            ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
            x509.load_pem_x509_certificate(self._server_file.read_bytes()).verify_directly_issued_by(ca)
        except (OSError, ValueError, TypeError, InvalidSignature):  # ssl.SSLError is an OSError
            return False
        return True


def _write_secret(path: Path, content: bytes) -> None:
    """Replace `path` in one step; mkstemp creates with 0600, so a key is at no moment readable by others."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(temporary).replace(path)
