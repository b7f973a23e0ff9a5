"""Certificates: trusted where they should be, kept, renewed in time, and closed to others."""

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509

from sandbox.voice import tls
from sandbox.voice.tls import Certificates


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_made_once_and_kept(tmp_path: Path) -> None:
    Certificates(tmp_path / "new" / "folder")
    before = contents(tmp_path / "new" / "folder")
    assert set(before) == {"ca.pem", "ca.key", "server.pem", "server.key"}
    Certificates(tmp_path / "new" / "folder")
    assert contents(tmp_path / "new" / "folder") == before


def test_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    Certificates(tmp_path)
    for key in tmp_path.glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_server_certificate_near_its_end_is_renewed_under_the_same_ca(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tls, "SERVER_DAYS", 29)
        Certificates(tmp_path)
    before = contents(tmp_path)
    Certificates(tmp_path)
    after = contents(tmp_path)
    assert after["ca.pem"] == before["ca.pem"]
    assert after["server.pem"] != before["server.pem"]
    renewed = x509.load_pem_x509_certificate(after["server.pem"])
    assert renewed.not_valid_after_utc - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=300)


@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "server.pem", "server.key"])
@pytest.mark.parametrize("damage", [b"", b"not PEM", None])
def test_damaged_files_are_replaced(tmp_path: Path, name: str, damage: bytes | None) -> None:
    Certificates(tmp_path)
    if damage is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(damage)
    certificates = Certificates(tmp_path)
    certificates.server_context()
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes())
    server = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    server.verify_directly_issued_by(ca)
