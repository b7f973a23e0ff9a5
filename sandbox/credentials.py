"""The credentials of the sandbox's application, created once per data folder."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

APPLICATION_ID = "1187442033927593984"  # application and bot user share one id, as on Discord since 2016
VOICE_FOLDER = "voice"  # in the data folder. The voice server keeps its certificates there


@dataclass(frozen=True)
class Credentials:
    """The values a developer would copy from Discord's portal, plus the CA of the sandbox's voice server.

    `ca_file` is the path of the CA certificate, which `VoiceServer` writes. It may not exist before the first start.
    """

    client_id: str
    client_secret: str
    bot_token: str
    application_public_key: str
    ca_file: Path


def load_or_create(data_dir: Path) -> Credentials:
    """Read `credentials.json` in `data_dir`. Create it (mode 0600) if there is none. Synchronous, no network.

    Two processes may create it at the same time. The second one then reads the file of the first.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "credentials.json"
    if not path.exists():
        _create(path)
    stored = json.loads(path.read_text())
    return Credentials(**stored, ca_file=data_dir / VOICE_FOLDER / "ca.pem")


def _create(path: Path) -> None:
    fresh = Credentials(
        client_id=APPLICATION_ID,
        client_secret=secrets.token_urlsafe(24),
        bot_token=_bot_token(),
        application_public_key=secrets.token_hex(32),
        ca_file=Path(),
    )
    content = {name: value for name, value in asdict(fresh).items() if name != "ca_file"}
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
    try:
        os.link(draft, path)  # unlike rename, never replaces an existing file
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _bot_token() -> str:
    """Return a token of three dotted parts like Discord's (id, timestamp, HMAC). Nothing decodes the last two."""
    owner = base64.urlsafe_b64encode(APPLICATION_ID.encode()).decode().rstrip("=")
    return f"{owner}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"
