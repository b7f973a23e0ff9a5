"""A certificate for loopback and the authority that issued it, created once and stored in a folder.

Voice clients require `wss://`, so even a voice server on loopback needs a certificate that they can verify.
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

    Creating an instance replaces both files if one is missing, damaged, or does not belong to the other.
    Otherwise they stay, so a client that trusts `ca_file` still trusts it. The authority's own key is never
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
        """Return the TLS context for a server on localhost or 127.0.0.1."""
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
    """Replace `path` atomically. mkstemp creates files with mode 0600, so others can never read the key."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(temporary).replace(path)
