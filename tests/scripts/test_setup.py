"""scripts/certificates, without a download."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("own", ["", "/own.pem"])
def test_every_download_trusts_the_named_certificates(tmp_path: Path, own: str) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text("-----BEGIN CERTIFICATE-----")
    env = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(roots)} | (
        {"NODE_EXTRA_CA_CERTS": own} if own else {}
    )
    command = '. scripts/certificates; echo "$UV_SYSTEM_CERTS $REQUESTS_CA_BUNDLE $NODE_EXTRA_CA_CERTS"'
    run = subprocess.run(["sh", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert run.stdout == f"1 {roots} {own or roots}\n"
