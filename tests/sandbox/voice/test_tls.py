"""Certificates: trusted where they should be, kept across starts, and unreadable by others."""

import ssl
import stat
from pathlib import Path

import pytest

from sandbox.voice.tls import NAMES, Certificates


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def shake_hands(certificates: Certificates, name: str) -> None:
    """Raises ssl.SSLError unless a client that trusts `ca_file` accepts the server as `name`."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.server_context().wrap_bio(to_server, to_client, server_side=True)
    trusting = ssl.create_default_context(cafile=certificates.ca_file)
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_made_once_and_kept(tmp_path: Path) -> None:
    Certificates(tmp_path / "new" / "folder")
    before = contents(tmp_path / "new" / "folder")
    assert set(before) == {"ca.pem", "server.pem"}
    Certificates(tmp_path / "new" / "folder")
    assert contents(tmp_path / "new" / "folder") == before


def test_the_key_is_for_the_owner_only(tmp_path: Path) -> None:
    Certificates(tmp_path)
    assert stat.S_IMODE((tmp_path / "server.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_trusts_the_authority_takes_the_server_for_loopback(tmp_path: Path, name: str) -> None:
    shake_hands(Certificates(tmp_path), name)


def test_the_server_is_taken_for_nobody_else(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(Certificates(tmp_path), "discord.com")


@pytest.mark.parametrize("name", ["ca.pem", "server.pem"])
@pytest.mark.parametrize("damage", [b"", b"not PEM", None, "another's"])
def test_damaged_files_are_replaced(tmp_path: Path, name: str, damage: bytes | str | None) -> None:
    Certificates(tmp_path)
    if damage is None:
        (tmp_path / name).unlink()
    elif isinstance(damage, bytes):
        (tmp_path / name).write_bytes(damage)
    else:
        Certificates(tmp_path / "another")
        (tmp_path / name).write_bytes((tmp_path / "another" / name).read_bytes())
    shake_hands(Certificates(tmp_path), "localhost")
