"""Which addresses a link may lead to: the protection against server-side request forgery (SSRF).

Checking the name, or resolving it beforehand, does not help: it may resolve to another address a moment later, and
`http://2130706433/` means 127.0.0.1. So for each connection, the address that is checked is the one that is connected
to.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
import unicodedata
from collections import deque
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import zip_longest
from typing import Any
from urllib.parse import unquote

import httpx
import idna

from library.sources.errors import SourceError
from library.sources.types import Networks

MAX_URL_LENGTH = 2000
MAX_ADDRESSES = 16  # per name
# The next address is tried if the last one has not answered within this time (RFC 8305, section 5).
NEXT_ADDRESS_SECONDS = 0.25

# Ports that browsers refuse, because they belong to other protocols (fetch.spec.whatwg.org, section "Port blocking").
_BAD_PORTS = frozenset(
    {0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103}
    | {104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513}
    | {514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720}
    | {1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)
_HOST = re.compile(rb"[A-Za-z0-9._~:-]+")
_AUTHORITY = re.compile(r"(https?://)([^/?#\\]*)", re.IGNORECASE)
_NAT64 = IPv6Network("64:ff9b::/96")
# Special addresses that the standard library considers public: protocol assignments, relays of AMT and 6to4, AS112
# servers, and newer addresses for documentation (IANA's registries of special-purpose addresses).
_SPECIAL: Networks = [
    *map(
        IPv4Network,
        ("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"),
    ),
    *map(IPv6Network, ("2001::/23", "2620:4f:8000::/48", "3fff::/20")),
]

type Address = IPv4Address | IPv6Address
# One answer of `getaddrinfo`: family, type, protocol, canonical name, destination.
type Entry = tuple[int, int, int, str, Any]


def parse_url(text: str, *, max_length: int = MAX_URL_LENGTH) -> httpx.URL:
    """Return an http(s) URL as it will be requested: host in ASCII (IDNA), without a fragment.

    Raises SourceError (`BAD_URI`, `FORBIDDEN_ADDRESS`).
    """
    if len(text) > max_length:
        detail = f"The link is longer than {max_length:,} characters."
        raise SourceError("BAD_URI", detail, permanent=True)
    try:
        url = httpx.URL(_with_ascii_host(text.strip())).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceError("BAD_URI", "This is not a valid link.", permanent=True) from error
    if url.scheme not in {"http", "https"}:
        raise SourceError("BAD_URI", "Only http and https links can be played.", permanent=True)
    if not _HOST.fullmatch(url.raw_host):
        raise SourceError("BAD_URI", "The link has no valid host name.", permanent=True)
    if url.userinfo:
        # The link is shown to the whole guild.
        raise SourceError("BAD_URI", "Links with a user name or password are not accepted.", permanent=True)
    if url.port is not None and (url.port in _BAD_PORTS or not 0 < url.port < 65_536):
        raise SourceError("FORBIDDEN_ADDRESS", "Links to this port are not allowed.", permanent=True)
    return url


def is_allowed(address: Address, allow_private: Networks) -> bool:
    """Return whether a link may lead to `address`: it is public, or inside one of the configured networks.

    An IPv6 address that embeds an IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) is judged by that address.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_allowed(address.ipv4_mapped, allow_private)
        if address.is_site_local or not all(is_allowed(inner, allow_private) for inner in _embedded(address)):
            return False
    if any(network.version == address.version and address in network for network in allow_private):
        return True
    if any(network.version == address.version and address in network for network in _SPECIAL):
        return False
    refused = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    # 64:ff9b::/96 counts as reserved, but its embedded address was checked above.
    return address.is_global and (not refused or address in _NAT64)


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    if address in _NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if int(address) >> 32 & 0xFCFFFFFF == 0x5EFE:  # ISATAP, in any network (RFC 5214, section 6.1)
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return list(address.teredo) if address.teredo is not None else []


def _with_ascii_host(text: str) -> str:
    """Encode an international host as browsers do, including symbols and capitals. Other texts stay unchanged."""
    found = _AUTHORITY.match(text)
    if found is None or "@" in found[2] or (found[2].isascii() and "%" not in found[2]):
        return text
    authority = unquote(found[2])
    if re.search(r"[\s/?#@\\%]", authority):  # never part of a host, however it is written
        return text
    host, colon, port = authority.partition(":")
    labels = re.split("[.\u3002]", unicodedata.normalize("NFKC", host).lower())
    return f"{found[1]}{'.'.join(map(_ascii_label, labels))}{colon}{port}{text[found.end() :]}"


def _ascii_label(label: str) -> str:
    if label.isascii():
        return label
    try:
        return idna.encode(label).decode("ascii")
    except idna.IDNAError:  # a symbol: not allowed by IDNA 2008, but such names exist
        return "xn--" + label.encode("punycode").decode("ascii")


def connect(
    host: str,
    port: int,
    *,
    allow_private: Networks,
    timeout: float,
    opened: Callable[[socket.socket], None],
) -> socket.socket:
    """Connect to the allowed address of `host` that answers first, within `timeout` seconds of the last attempt.

    `opened` gets each socket before it connects, so that another thread can shut it down. If `opened` raises, the
    attempt ends. Resolving a name cannot be interrupted. Raises SourceError.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        later = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        what = (
            "cannot be looked up at the moment. Try again later."
            if later
            else "cannot be found. Check the link."
        )
        raise SourceError("UNREACHABLE", f"The address “{host}” {what}", permanent=False) from error
    allowed = [entry for entry in found if is_allowed(_address(entry[4]), allow_private)]
    if not allowed:
        raise SourceError("FORBIDDEN_ADDRESS", "Links into private networks are not allowed.", permanent=True)
    race = _Race(_interleaved([*allowed])[:MAX_ADDRESSES], opened)
    try:
        connection = race.run(timeout)
    finally:
        race.close()
    connection.settimeout(timeout)
    return connection


class _Race:
    """Connects to several addresses of one name and keeps the first that answers (RFC 8305). Tries the next address
    after a quarter of a second, or as soon as one fails."""

    def __init__(self, entries: list[Entry], opened: Callable[[socket.socket], None]) -> None:
        self._entries = deque(entries)
        self._opened = opened
        self._selector = selectors.DefaultSelector()
        self._running: set[socket.socket] = set()

    def run(self, timeout: float) -> socket.socket:
        """Return the first connected socket. Raises SourceError if no address answers."""
        next_at = time.monotonic()
        ends_at = next_at + timeout
        while self._entries or self._running:
            now = time.monotonic()
            if self._entries and now >= next_at:
                if winner := self._start(self._entries.popleft()):
                    return winner
                next_at, ends_at = now + NEXT_ADDRESS_SECONDS, now + timeout
            elif now >= ends_at:
                raise SourceError("TOO_SLOW", "The server did not answer in time.", permanent=False)
            if not self._running:
                next_at = now
                continue
            for key, _ in self._selector.select((next_at if self._entries else ends_at) - now):
                if winner := self._settle(key.data):
                    return winner
                next_at = now
        raise SourceError("UNREACHABLE", "The server cannot be reached.", permanent=False)

    def _start(self, entry: Entry) -> socket.socket | None:
        family, kind, protocol, _, destination = entry
        try:
            connection = socket.socket(family, kind, protocol)
        except OSError:  # this machine has no IPv6
            return None
        self._running.add(connection)
        connection.setblocking(False)
        self._opened(connection)
        try:
            connection.connect(destination)
        except BlockingIOError:
            self._selector.register(connection, selectors.EVENT_WRITE, connection)
            return None
        except OSError:
            self._running.discard(connection)
            connection.close()
            return None
        self._running.discard(connection)
        return connection

    def _settle(self, connection: socket.socket) -> socket.socket | None:
        self._selector.unregister(connection)
        self._running.discard(connection)
        try:
            connection.getpeername()  # not SO_ERROR, which is unset if another thread shut the socket down
        except OSError:
            connection.close()
            return None
        return connection

    def close(self) -> None:
        """Close all sockets that are still connecting."""
        for connection in self._running:
            connection.close()
        self._selector.close()


def _interleaved(entries: list[Entry]) -> list[Entry]:
    """Alternate between IPv4 and IPv6, starting with the system's first choice: one family may not work at all."""
    first = entries[0][0]
    families = ([e for e in entries if e[0] == first], [e for e in entries if e[0] != first])
    return [entry for pair in zip_longest(*families) for entry in pair if entry is not None]


def _address(destination: tuple[object, ...]) -> Address:
    return ip_address(str(destination[0]).partition("%")[0])
