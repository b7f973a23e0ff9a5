"""An own certificate authority and a server certificate for loopback, made once and kept in a folder.

Voice clients insist on `wss://`, so even a voice server on loopback needs a certificate that verifies.
"""

import datetime
import ipaddress
import os
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
SERVER_DAYS = 365
RENEW_BEFORE = datetime.timedelta(days=30)
DNS_NAME = "localhost"
IP_ADDRESS = ipaddress.IPv4Address("127.0.0.1")


class Certificates:
    """Certificates in `folder`: ca.pem, ca.key, server.pem, server.key; keys have mode 0600.

    Making an instance creates what is missing, unreadable, not matching or within 30 days of its end, and
    leaves the rest alone, so a client that trusted `ca_file` goes on trusting it.
    """

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self._ca_key_file = folder / "ca.key"
        self._server_file = folder / "server.pem"
        self._server_key_file = folder / "server.key"
        folder.mkdir(parents=True, exist_ok=True)
        ca = _load_pair(self.ca_file, self._ca_key_file)
        if ca is None:
            ca = _make_ca()
            _store_pair(self.ca_file, self._ca_key_file, ca)
        server = _load_pair(self._server_file, self._server_key_file)
        if server is None or not _is_issued_by(server[0], ca[0]):
            _store_pair(self._server_file, self._server_key_file, _make_server(ca))

    def server_context(self) -> ssl.SSLContext:
        """The context a server on localhost or 127.0.0.1 listens with."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._server_file, self._server_key_file)
        return context


type _Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _make_ca() -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sandbox voice CA")])
    # The constraints keep a leaked key harmless: whoever trusts this CA trusts it for loopback alone.
    loopback = x509.NameConstraints(
        permitted_subtrees=[
            x509.DNSName(DNS_NAME),
            x509.IPAddress(ipaddress.IPv4Network((IP_ADDRESS, 32))),
        ],
        excluded_subtrees=None,
    )
    builder = (
        _builder(subject=name, issuer=name, public_key=key.public_key(), days=CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True), critical=True)
        .add_extension(loopback, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256()), key


def _make_server(ca: _Pair) -> _Pair:
    ca_certificate, ca_key = ca
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DNS_NAME)])
    names = x509.SubjectAlternativeName([x509.DNSName(DNS_NAME), x509.IPAddress(IP_ADDRESS)])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = (
        _builder(subject=name, issuer=ca_certificate.subject, public_key=key.public_key(), days=SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(key_cert_sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
    )
    return builder.sign(ca_key, hashes.SHA256()), key


def _builder(
    *, subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        # An hour back, for clocks that disagree (containers, suspended machines).
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _key_usage(*, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _is_issued_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _load_pair(certificate_file: Path, key_file: Path) -> _Pair | None:
    """The stored pair, or None when it is missing, broken, mismatched or near its end."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    if certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC) < RENEW_BEFORE:
        return None
    return certificate, key


def _store_pair(certificate_file: Path, key_file: Path, pair: _Pair) -> None:
    certificate, key = pair
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(key_file, pem, mode=0o600)
    _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Replace `path` in one step; mkstemp creates with 0600, so a key is at no moment readable by others."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    Path(temporary).replace(path)
