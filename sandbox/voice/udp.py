"""Media over UDP: address discovery, pings, RTP, the two `rtpsize` transport encryptions, and packet loss.

Sources: https://docs.discord.com/developers/topics/voice-connections (UDP connections); for pings, which Discord
does not document, https://docs.discord.food/topics/voice-connections.
"""

import asyncio
import ipaddress
import logging
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

AES256_GCM = "aead_aes256_gcm_rtpsize"
XCHACHA20_POLY1305 = "aead_xchacha20_poly1305_rtpsize"
MODES = (AES256_GCM, XCHACHA20_POLY1305)

KEY_BYTES = 32
TAG_BYTES = 16
COUNTER_BYTES = 4
RTP_HEADER_BYTES = 12
OPUS_PAYLOAD_TYPE = 0x78
DISCOVERY_REQUEST, DISCOVERY_RESPONSE = 1, 2
DISCOVERY_BYTES = 74
PING, PONG = b"\x13\x37\xca\xfe", b"\x13\x37\xf0\x0d"
PING_BYTES = 8  # a magic number and a sequence number, which the response repeats
REPORT_SECONDS = 2.0
RECEIVE_BUFFER_BYTES = 1 << 22  # 10 s of eight streams: no frames are lost when the event loop is late
REPLAY_WINDOW = 1024

logger = logging.getLogger(__name__)


class BadPacket(ValueError):
    """A datagram is not an RTP packet with Opus, or cannot be authenticated."""


class Cipher:
    """Transport encryption of one session. The nonce is a packet's last 4 bytes, padded with zeros."""

    def __init__(self, mode: str, key: bytes) -> None:
        if mode not in MODES:
            raise ValueError(f"unknown encryption mode {mode}")
        self._key = key
        self._aes = AESGCM(key) if mode == AES256_GCM else None

    def open(self, sealed: bytes, *, authenticated: bytes, counter: bytes) -> bytes:
        """Raises: BadPacket when the tag does not match."""
        try:
            if self._aes is not None:
                return self._aes.decrypt(counter.ljust(12, b"\0"), sealed, authenticated)
            return crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, authenticated, counter.ljust(24, b"\0"), self._key
            )
        except (InvalidTag, CryptoError, ValueError) as error:
            raise BadPacket("authentication tag does not match") from error

    def seal(self, content: bytes, *, authenticated: bytes, counter: bytes) -> bytes:
        if self._aes is not None:
            return self._aes.encrypt(counter.ljust(12, b"\0"), content, authenticated)
        return crypto_aead_xchacha20poly1305_ietf_encrypt(
            content, authenticated, counter.ljust(24, b"\0"), self._key
        )


def open_packet(datagram: bytes, cipher: Cipher) -> tuple[int, bytes]:
    """Decrypt an RTP packet and return its sequence number and payload.

    With `rtpsize`, the header, its contributing sources and the first four bytes of a header extension are
    authenticated but not encrypted. The extension's content is encrypted, before the payload.

    Raises: BadPacket.
    """
    if len(datagram) < RTP_HEADER_BYTES + TAG_BYTES + COUNTER_BYTES:
        raise BadPacket("packet too short")
    flags, payload_type, sequence = struct.unpack_from(">BBH", datagram)
    if flags >> 6 != 2 or payload_type & 0x7F != OPUS_PAYLOAD_TYPE:
        raise BadPacket("not RTP with Opus")
    clear = RTP_HEADER_BYTES + 4 * (flags & 0x0F)
    extension_bytes = 0
    if flags & 0x10:
        if len(datagram) < clear + 4:
            raise BadPacket("header ends early")
        extension_bytes = 4 * int(struct.unpack_from(">H", datagram, clear + 2)[0])
        clear += 4
    payload = cipher.open(
        datagram[clear:-COUNTER_BYTES], authenticated=datagram[:clear], counter=datagram[-COUNTER_BYTES:]
    )
    if len(payload) < extension_bytes:
        raise BadPacket("header extension longer than the packet")
    payload = payload[extension_bytes:]
    if flags & 0x20:
        padding = payload[-1] if payload else 0
        if not 0 < padding <= len(payload):
            raise BadPacket("bad padding")
        payload = payload[:-padding]
    return sequence, payload


class SequenceWindow:
    """Tracks which 16-bit sequence numbers arrived, across wraparound, reordering and duplicates.

    `lost` decreases when a late packet fills its gap. A packet 1024 or more behind the newest counts as a
    duplicate.
    """

    def __init__(self) -> None:
        self._newest: int | None = None
        self._first = 0
        self._span = 0
        self._arrived = 0
        self._seen = 0  # bit n: the packet n before the newest arrived

    @property
    def lost(self) -> int:
        return self._span - self._arrived

    @property
    def expected(self) -> int:
        return self._span

    @property
    def highest(self) -> int | None:
        """The newest sequence number, extended by the number of wraparounds; None before the first packet."""
        return None if self._newest is None else self._first + self._span - 1 & 0xFFFFFFFF

    def accept(self, sequence: int) -> bool:
        """Count a packet. Returns False for a duplicate."""
        if self._newest is None:
            self._newest, self._first = sequence, sequence
            self._span, self._arrived, self._seen = 1, 1, 1
            return True
        ahead = (sequence - self._newest) & 0xFFFF
        if 0 < ahead < 0x8000:
            self._newest = sequence
            self._span += ahead
            self._seen = (self._seen << min(ahead, REPLAY_WINDOW) | 1) & ((1 << REPLAY_WINDOW) - 1)
        else:
            behind = (self._newest - sequence) & 0xFFFF
            # A packet from before the first one was never expected, so it cannot fill a gap.
            if behind >= min(REPLAY_WINDOW, self._span) or self._seen >> behind & 1:
                return False
            self._seen |= 1 << behind
        self._arrived += 1
        return True


class MediaSink(Protocol):
    """The receiver of the datagrams with one SSRC."""

    def receive(self, datagram: bytes) -> bool:
        """Process a datagram. Returns whether it could be authenticated."""

    def report(self) -> bytes | None:
        """Return the next receiver report; None while there is no encryption."""


class MediaSocket(asyncio.DatagramProtocol):
    """The UDP port of the voice server. `sink` returns the receiver of an SSRC. Other datagrams are dropped.

    Every known sender gets a receiver report every `REPORT_SECONDS`.
    """

    def __init__(self, sink: Callable[[int], MediaSink | None]) -> None:
        self._sink = sink
        self._transport: asyncio.DatagramTransport | None = None
        self._addresses: dict[int, tuple[str, int]] = {}  # by SSRC
        self._timer: asyncio.TimerHandle | None = None
        self.port = 0

    async def start(self, host: str) -> None:
        """Listen on a free port of `host`."""
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.setblocking(False)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
            udp.bind((host, 0))
            self.port = udp.getsockname()[1]
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=udp)
            self._timer = loop.call_later(REPORT_SECONDS, self._report_to_all)
        except BaseException:
            udp.close()
            raise

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) == DISCOVERY_BYTES and data[:4] == struct.pack(">HH", DISCOVERY_REQUEST, 70):
            self._answer_discovery(data, addr)
        elif len(data) == PING_BYTES and data.startswith(PING):
            self._send(PONG + data[len(PING) :], addr)
        elif len(data) >= RTP_HEADER_BYTES and data[0] >> 6 == 2 and not 192 <= data[1] <= 223:
            # 192 to 223 are packet types of RTCP (RFC 5761 section 4): reports, which the server ignores.
            ssrc = int.from_bytes(data[8:12], "big")
            sink = self._sink(ssrc)
            if sink is not None and sink.receive(data):
                self._addresses[ssrc] = addr

    def error_received(self, exc: Exception) -> None:
        """Log an ICMP error: the client has closed its port."""
        logger.debug("A voice client closed its UDP port: %r", exc)

    def report_to(self, ssrc: int) -> None:
        """Send the sender of this SSRC its report, if its address is known and its session still exists."""
        if (address := self._addresses.get(ssrc)) is None:
            return
        sink = self._sink(ssrc)
        if sink is None:
            del self._addresses[ssrc]
        elif (report := sink.report()) is not None:
            self._send(report, address)

    def _report_to_all(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(REPORT_SECONDS, self._report_to_all)
        for ssrc in tuple(self._addresses):
            self.report_to(ssrc)

    def _answer_discovery(self, data: bytes, addr: tuple[str, int]) -> None:
        ssrc = int.from_bytes(data[4:8], "big")
        if self._sink(ssrc) is None:
            return
        self._addresses[ssrc] = addr
        host, port = str(ipaddress.IPv4Address(addr[0])), addr[1]
        self._send(struct.pack(">HHI64sH", DISCOVERY_RESPONSE, 70, ssrc, host.encode(), port), addr)

    def _send(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(datagram, addr)
