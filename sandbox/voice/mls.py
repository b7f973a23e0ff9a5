"""The part of MLS (RFC 9420) that a DAVE delivery service needs: it proposes members and reads commits.

A voice gateway is not a member of the group. It signs Add and Remove proposals as the group's external sender
(RFC 9420 section 12.1.8.1, https://daveprotocol.com/#external-sender), and forwards commits and welcomes.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MLS10 = 1
WIRE_PUBLIC_MESSAGE = 1
WIRE_KEY_PACKAGE = 5
CONTENT_PROPOSAL, CONTENT_COMMIT = 2, 3
SENDER_MEMBER, SENDER_EXTERNAL = 1, 2
PROPOSAL_ADD, PROPOSAL_REMOVE = 1, 3
CREDENTIAL_BASIC = 1
LEAF_KEY_PACKAGE, LEAF_UPDATE, LEAF_COMMIT = 1, 2, 3
OPERATION_APPEND = b"\x00"


class MalformedMessage(ValueError):
    """The bytes are not the expected MLS message."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0

    def take(self, length: int) -> bytes:
        chunk = self._data[self.offset : self.offset + length]
        if len(chunk) != length:
            raise MalformedMessage("message ends early")
        self.offset += length
        return chunk

    def uint(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def expect(self, size: int, value: int, what: str) -> None:
        found = self.uint(size)
        if found != value:
            raise MalformedMessage(f"{what} is {found}, not {value}")

    def vector(self) -> bytes:
        """Read a vector with a variable-size length header (RFC 9420 section 2.1.2)."""
        first = self.uint(1)
        prefix = first >> 6
        if prefix == 3:
            raise MalformedMessage("bad length header")
        length = first & 0x3F
        for byte in self.take((1 << prefix) - 1):
            length = length << 8 | byte
        return self.take(length)


def vector(data: bytes) -> bytes:
    """Return `data` with its variable-size length header."""
    length = len(data)
    if length < 1 << 6:
        return bytes([length]) + data
    if length < 1 << 14:
        return struct.pack(">H", length | 0x4000) + data
    return struct.pack(">I", length | 0x80000000) + data


class ExternalSender:
    """The voice gateway's signature key for one group, for DAVE 1's ciphersuite 2 (P-256, SHA-256)."""

    def __init__(self, group_id: int) -> None:
        self._group_id = group_id.to_bytes(8, "big")
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.package = vector(point) + struct.pack(">H", CREDENTIAL_BASIC) + vector(b"voice gateway")

    def propose(self, *, epoch: int, add: Sequence[bytes] = (), remove: Sequence[int] = ()) -> bytes:
        """Return the payload of opcode 27: proposals to add key packages and to remove leaf indexes."""
        proposals = [struct.pack(">H", PROPOSAL_ADD) + _strip_wrapper(package) for package in add]
        proposals += [struct.pack(">HI", PROPOSAL_REMOVE, leaf) for leaf in remove]
        return OPERATION_APPEND + vector(b"".join(self._sign(epoch, proposal) for proposal in proposals))

    def _sign(self, epoch: int, proposal: bytes) -> bytes:
        """Return an MLSMessage with `proposal` as a signed PublicMessage (RFC 9420 sections 6, 6.1, 6.2)."""
        sender = struct.pack(">BI", SENDER_EXTERNAL, 0)
        no_authenticated_data = vector(b"")
        content = (
            vector(self._group_id)
            + struct.pack(">Q", epoch)
            + sender
            + no_authenticated_data
            + bytes([CONTENT_PROPOSAL])
            + proposal
        )
        message = struct.pack(">HH", MLS10, WIRE_PUBLIC_MESSAGE) + content
        # SignWithLabel (section 5.1.2). For an external sender, no group context is signed.
        signed = vector(b"MLS 1.0 FramedContentTBS") + vector(message)
        return message + vector(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))


@dataclass(frozen=True, slots=True)
class Commit:
    """The payload of opcode 28 from a member: the commit, and a welcome if the commit adds members.

    `leaf` is the sender's leaf index, `proposals` the number of proposals that the commit refers to.
    """

    epoch: int
    leaf: int
    proposals: int
    message: bytes
    welcome: bytes


def parse_commit(data: bytes) -> Commit:
    """Parse the payload of opcode 28.

    Raises: MalformedMessage when it is not a PublicMessage commit by a member that refers to proposals.
    """
    reader = _Reader(data)
    reader.expect(2, MLS10, "protocol version")
    reader.expect(2, WIRE_PUBLIC_MESSAGE, "wire format")
    reader.vector()  # group id
    epoch = reader.uint(8)
    reader.expect(1, SENDER_MEMBER, "sender type")
    leaf = reader.uint(4)
    reader.vector()  # authenticated data
    reader.expect(1, CONTENT_COMMIT, "content type")
    proposals = _count_references(reader.vector())
    if reader.uint(1):
        _skip_update_path(reader)
    for _ in range(3):  # signature, confirmation tag, membership tag
        reader.vector()
    return Commit(epoch, leaf, proposals, data[: reader.offset], data[reader.offset :])


def key_package_user(data: bytes) -> int:
    """Return the Discord user id of a key package (payload of opcode 26).

    Raises: MalformedMessage when it is not a key package with a basic credential of 64 bits.
    """
    reader = _Reader(_strip_wrapper(data))
    reader.expect(2, MLS10, "protocol version")
    reader.uint(2)  # ciphersuite
    for _ in range(3):  # init key; encryption key and signature key of the leaf node
        reader.vector()
    reader.expect(2, CREDENTIAL_BASIC, "credential type")
    identity = reader.vector()
    if len(identity) != 8:
        raise MalformedMessage("credential is not 64 bits")
    return int.from_bytes(identity, "big")


def _strip_wrapper(key_package: bytes) -> bytes:
    """Return the bare key package. DAVE's specification wraps it in an MLSMessage, its library does not."""
    return key_package.removeprefix(struct.pack(">HH", MLS10, WIRE_KEY_PACKAGE))


def _count_references(proposals: bytes) -> int:
    """Count the proposals that a commit refers to. DAVE does not allow commits with their own proposals."""
    reader, count = _Reader(proposals), 0
    while reader.offset < len(proposals):
        reader.expect(1, 2, "proposal or reference")
        reader.vector()
        count += 1
    return count


def _skip_update_path(reader: _Reader) -> None:
    reader.vector()  # encryption key
    reader.vector()  # signature key
    reader.expect(2, CREDENTIAL_BASIC, "credential type")
    reader.vector()  # identity
    for _ in range(5):  # capabilities: versions, ciphersuites, extensions, proposals, credentials
        reader.vector()
    source = reader.uint(1)
    if source == LEAF_KEY_PACKAGE:
        reader.take(16)  # lifetime
    elif source == LEAF_COMMIT:
        reader.vector()  # parent hash
    elif source != LEAF_UPDATE:
        raise MalformedMessage(f"leaf node source is {source}")
    reader.vector()  # extensions
    reader.vector()  # signature
    reader.vector()  # nodes
