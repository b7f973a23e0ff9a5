"""Links to attachments: signed, and valid for a day, as those of Discord's CDN.

https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from sandbox.model import Json

VALID_SECONDS = 24 * 60 * 60
SIGNATURE = ("ex", "is", "hm")  # expires, issued (hexadecimal seconds), HMAC
PATH = re.compile(r"/(?:ephemeral-)?attachments/\d{1,20}/(\d{1,20})/[^/?#]+")


@dataclass
class Links:
    """Signs links, and checks them. `base_url` is set once the port is known.

    `ahead_seconds` is how far the clock of the CDN is ahead of this machine's. Tests use it to let links expire.
    """

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    base_url: str = ""
    ahead_seconds: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead_seconds

    def sign(self, url: str) -> str:
        """Return the link with a new signature in place of any other. Its other parameters are kept.

        Links that do not lead to an attachment here are returned unchanged.
        """
        if not self.is_attachment(url):
            return url
        parts, issued = urlsplit(url), int(self.now())
        dates = {"ex": f"{issued + VALID_SECONDS:x}", "is": f"{issued:x}"}
        given = parse_qsl(parts.query, keep_blank_values=True)
        kept = [(name, value) for name, value in given if name not in SIGNATURE]
        query = urlencode([*kept, *dates.items(), ("hm", self._mac(parts.path, dates))])
        return f"{self.base_url}{parts.path}?{query}&"  # Discord's links end in an ampersand, too

    def is_attachment(self, url: str) -> bool:
        path = url.removeprefix(self.base_url).partition("?")[0]
        return bool(self.base_url) and url.startswith(self.base_url) and PATH.fullmatch(path) is not None

    def is_valid(self, path: str, query: Mapping[str, str]) -> bool:
        """Return whether a request has a signature of this path that has not expired."""
        dates = {name: query.get(name, "") for name in ("ex", "is")}
        if not hmac.compare_digest(query.get("hm", "").encode(), self._mac(path, dates).encode()):
            return False
        return int(dates["ex"], 16) > self.now()

    def attachment(self, kept: Json) -> Json:
        """Return an attachment as Discord sends it: each time, its links are signed again."""
        return kept | {name: self.sign(kept[name]) for name in ("url", "proxy_url")}

    def embed(self, kept: Json) -> Json:
        """Return an embed. Its pictures may be attachments of the message."""
        pictures = {name: kept[name] for name in ("image", "thumbnail") if name in kept}
        return kept | {name: self._picture(picture) for name, picture in pictures.items()}

    def _picture(self, kept: Json) -> Json:
        urls = {name: kept[name] for name in ("url", "proxy_url") if name in kept}
        return kept | {name: self.sign(url) for name, url in urls.items()}

    def _mac(self, path: str, dates: Mapping[str, str]) -> str:
        signed = f"{path}?{dates['ex']}&{dates['is']}"
        return hmac.new(self.secret, signed.encode(), hashlib.sha256).hexdigest()
