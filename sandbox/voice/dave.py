"""DAVE protocol version 1: the voice gateway and the people who listen in the channel.

The gateway is the delivery service of an MLS group. It proposes members, picks one commit per epoch, announces
it, and tells senders when to switch keys. Each person in the channel has a real MLS state, as their Discord
client would. Steps run one at a time, each to completion:

    group        people in the channel      step
    none         some                       create: bot and people commit to a first epoch
    established  somebody joined            add
    established  somebody left              remove
    any          nobody                     downgrade: the call of a bot that is alone has version 0, passthrough
    version 0    some                       upgrade: prepare_epoch (24) announces a new group
    any          bot reported an invalid    a new group with the key package that the bot sends next
                 commit or welcome (31)
    any          a member cannot process    re-create
                 the commit

Source: https://daveprotocol.com (1.1.4).
"""

import asyncio
import logging
import struct
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import dave

from .frames import FrameDecryptor
from .mls import Commit, ExternalSender, MalformedMessage, key_package_user, parse_commit

PROTOCOL_VERSION = 1

PREPARE_TRANSITION, EXECUTE_TRANSITION, TRANSITION_READY, PREPARE_EPOCH = 21, 22, 23, 24
EXTERNAL_SENDER, KEY_PACKAGE, PROPOSALS, COMMIT_WELCOME = 25, 26, 27, 28
ANNOUNCE_COMMIT, WELCOME, INVALID_COMMIT_WELCOME = 29, 30, 31

NEW_GROUP_EPOCH = 1
REINITIALIZE_TRANSITION = 0
# Every member of a call commits, and the first commit wins. The gateway waits this long for the bot's.
COMMIT_SECONDS = 2.0
READY_SECONDS = 2.0
MAX_FAILURES = 5

logger = logging.getLogger(__name__)

type SendJson = Callable[[int, dict[str, Any]], Awaitable[None]]
type SendBinary = Callable[[int, bytes], Awaitable[None]]


class GroupBroken(Exception):
    """The bot could not follow, although the group was re-created `MAX_FAILURES` times."""


class _CommitRejected(Exception):
    """A member could not process a commit that the gateway had picked."""


class _Member:
    """The MLS state of one person in the channel."""

    def __init__(self, user_id: str, *, channel_id: str, external_sender: bytes) -> None:
        self.user_id = user_id
        self._session = dave.Session(self._log_failure)
        keys = dave.SignatureKeyPair.generate(PROTOCOL_VERSION)
        self._session.init(PROTOCOL_VERSION, int(channel_id), user_id, keys)
        self._session.set_external_sender(external_sender)
        self.key_package = self._session.get_marshalled_key_package()

    def commit(self, proposals: bytes, recognized: set[str]) -> Commit:
        """Process proposals and commit to them. The commit takes effect only when the gateway picks it."""
        commit = self._session.process_proposals(proposals, recognized)
        if commit is None:
            raise _CommitRejected(f"{self.user_id} could not process the proposals")
        return parse_commit(commit)

    def follow(self, commit: Commit) -> None:
        if isinstance(self._session.process_commit(commit.message), dave.RejectType):
            raise _CommitRejected(f"{self.user_id} could not process the commit")

    def join(self, commit: Commit, recognized: set[str]) -> None:
        if self._session.process_welcome(commit.welcome, recognized) is None:
            raise _CommitRejected(f"{self.user_id} could not process the welcome")

    def key_ratchet(self, user_id: str) -> dave.IKeyRatchet:
        """Return the key ratchet of the sender `user_id` for this epoch."""
        ratchet = self._session.get_key_ratchet(user_id)
        if ratchet is None:
            raise _CommitRejected(f"{self.user_id} has no keys of {user_id}")
        return ratchet

    def _log_failure(self, source: str, reason: str) -> None:
        logger.warning("DAVE: %s failed for user %s: %s", source, self.user_id, reason)


class DaveGroup:
    """The group of one voice session: the bot and the people who listen to it."""

    def __init__(
        self,
        *,
        channel_id: str,
        bot_id: str,
        send_json: SendJson,
        send_binary: SendBinary,
        bot_commits: bool = True,
        alone: bool = False,
    ) -> None:
        self._channel_id = channel_id
        self._bot_id = bot_id
        self._send_json = send_json
        self._send_binary = send_binary
        self._bot_commits = bot_commits
        self.version = 0 if alone else PROTOCOL_VERSION
        self._external = ExternalSender(int(channel_id))

        self._people: frozenset[str] = frozenset()
        self._bot_package: bytes | None = None
        self._invalid = False
        self._woken = asyncio.Event()
        self._bot_commit: asyncio.Future[Commit] | None = None
        self._awaited_proposals = 0
        self._awaited_transition: int | None = None
        self._transition_answered = asyncio.Event()

        self._members: dict[str, _Member] = {}
        self._leaves: list[str | None] = []
        self._epoch = 0
        self._transition = 0
        self._failures = 0
        self.frames = FrameDecryptor()

    # Messages from the bot, passed on by the gateway

    def set_people(self, user_ids: Collection[str]) -> None:
        """Set the people in the channel, without the bot. clients_connect (11) must have been sent before."""
        self._people = frozenset(user_ids) - {self._bot_id}
        self._woken.set()

    def take_key_package(self, payload: bytes) -> None:
        """Raises: MalformedMessage, also for the key package of another user."""
        if key_package_user(payload) != int(self._bot_id):
            raise MalformedMessage("key package of another user")
        self._bot_package = payload
        self._woken.set()

    def take_commit(self, payload: bytes) -> None:
        """Accept the first commit of the epoch that refers to all proposals. Ignore others.

        Raises: MalformedMessage.
        """
        commit = parse_commit(payload)
        awaited = self._bot_commit
        if awaited is None or awaited.done() or commit.epoch != self._epoch:
            logger.debug(
                "DAVE in channel %s: ignored a late commit for epoch %d", self._channel_id, commit.epoch
            )
        elif commit.proposals != self._awaited_proposals:
            logger.warning("DAVE in channel %s: the bot's commit leaves out proposals", self._channel_id)
        else:
            awaited.set_result(commit)

    def take_transition_ready(self, transition_id: int) -> None:
        if transition_id == self._awaited_transition:
            self._failures = 0
            self._transition_answered.set()

    def take_invalid(self, transition_id: int) -> None:
        """The bot reset its state. It sends a new key package next."""
        logger.warning("DAVE in channel %s: the bot rejected transition %d", self._channel_id, transition_id)
        self._invalid = True
        self._bot_package = None
        self.frames.allow_plain()
        self._transition_answered.set()
        self._woken.set()

    # The steps

    async def run(self) -> None:
        """Keep the group's members equal to the people in the channel, until canceled. Raises: GroupBroken."""
        if self.version:
            await self._send_binary(EXTERNAL_SENDER, self._external.package)
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                while await self._step():
                    pass
            except _CommitRejected as rejected:
                logger.warning("DAVE in channel %s: rejected a commit: %s", self._channel_id, rejected)
                self._count_failure()
                await self._recreate()
                self._woken.set()

    async def _step(self) -> bool:
        """Run the step that is due. Returns False if none is."""
        present = frozenset(self._members)
        if not self._people:
            if not self.version:
                return False
            await self._downgrade()
        elif not self.version:
            await self._upgrade()
        elif self._invalid:
            await self._readmit()
        elif self._bot_package is None:
            return await self._key_package_arrives()
        elif not present:
            await self._create(self._bot_package)
        elif joined := self._people - present:
            await self._add(sorted(joined))
        elif left := present - self._people:
            await self._remove(sorted(left))
        else:
            return False
        return True

    async def _create(self, bot_package: bytes) -> None:
        people = self._make_members(sorted(self._people))
        founder, *others = people.values()
        packages = [member.key_package for member in others]
        own = founder.commit(
            self._external.propose(epoch=0, add=[bot_package, *packages]), self._recognize(people)
        )
        commit, by_bot = await self._pick_commit(
            self._external.propose(epoch=0, add=[founder.key_package, *packages]), own
        )
        if not by_bot:
            founder.follow(commit)
        for member in people.values() if by_bot else others:
            member.join(commit, self._recognize(people))
        names = [member.user_id for member in others]
        self._leaves = [self._bot_id, founder.user_id] if by_bot else [founder.user_id, self._bot_id]
        self._leaves += names
        self._members = people
        await self._announce(commit, welcome_bot=not by_bot)

    async def _add(self, user_ids: list[str]) -> None:
        joining = self._make_members(user_ids)
        recognized = self._recognize(self._members | joining)
        proposals = self._external.propose(
            epoch=self._epoch, add=[member.key_package for member in joining.values()]
        )
        own = [member.commit(proposals, recognized) for member in self._members.values()]
        commit, _ = await self._pick_commit(proposals, own[0])
        for member in self._members.values():
            member.follow(commit)
        for member in joining.values():
            member.join(commit, recognized)
        for user_id in user_ids:
            if None in self._leaves:  # a new member gets the leftmost free leaf (RFC 9420 section 12.1.1)
                self._leaves[self._leaves.index(None)] = user_id
            else:
                self._leaves.append(user_id)
        self._members |= joining
        await self._announce(commit)

    async def _remove(self, user_ids: list[str]) -> None:
        staying = {user_id: member for user_id, member in self._members.items() if user_id not in user_ids}
        leaves = [self._leaves.index(user_id) for user_id in user_ids]
        proposals = self._external.propose(epoch=self._epoch, remove=leaves)
        own = [member.commit(proposals, self._recognize(staying)) for member in staying.values()]
        commit, _ = await self._pick_commit(proposals, own[0])
        for member in staying.values():
            member.follow(commit)
        for leaf in leaves:
            self._leaves[leaf] = None
        self._members = staying
        await self._announce(commit)

    async def _downgrade(self) -> None:
        """Switch to passthrough, because everybody has left (observed on Discord, nextcord#1294)."""
        self._dissolve()
        self._invalid = False
        self._bot_package = None
        self.version = 0
        await self._send_json(
            PREPARE_TRANSITION, {"protocol_version": 0, "transition_id": REINITIALIZE_TRANSITION}
        )

    async def _upgrade(self) -> None:
        """Ask the bot for the key package of a new group, because somebody has joined it."""
        self.version = PROTOCOL_VERSION
        await self._recreate()
        await self._send_binary(EXTERNAL_SENDER, self._external.package)

    async def _recreate(self) -> None:
        """Dissolve the group, and ask the bot for the key package of a new one."""
        self._dissolve()
        self._bot_package = None
        await self._send_json(PREPARE_EPOCH, {"protocol_version": PROTOCOL_VERSION, "epoch": NEW_GROUP_EPOCH})

    async def _readmit(self) -> None:
        """After op 31, wait for the bot's new key package. Ask for one if none arrives."""
        self._count_failure()
        self._invalid = False
        self._dissolve()
        if not await self._key_package_arrives():
            await self._recreate()

    async def _key_package_arrives(self) -> bool:
        """Wait for the bot's key package. Without one, the bot stays outside the group and nobody hears it."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                while self._bot_package is None and self._people:
                    self._woken.clear()
                    await self._woken.wait()
        except TimeoutError:
            logger.warning(
                "DAVE in channel %s: the bot sent no key package, so nobody hears it", self._channel_id
            )
            self.frames.expire(seconds=0)
            self.frames.require_encryption()
            return False
        self._woken.set()
        return True

    def _dissolve(self) -> None:
        self._members = {}
        self._leaves = []
        self._epoch = 0
        self.frames.allow_plain()
        self.frames.expire()

    def _count_failure(self) -> None:
        self._failures += 1
        if self._failures > MAX_FAILURES:
            raise GroupBroken(f"the group had to be re-created {MAX_FAILURES} times in a row")

    async def _pick_commit(self, proposals: bytes, own: Commit) -> tuple[Commit, bool]:
        """Send the proposals. Returns the bot's commit and True, or a listener's commit `own` and False."""
        self._bot_commit = asyncio.get_running_loop().create_future()
        self._awaited_proposals = own.proposals
        try:
            await self._send_binary(PROPOSALS, proposals)
            if self._bot_commits:
                async with asyncio.timeout(COMMIT_SECONDS):
                    return await self._bot_commit, True
        except TimeoutError:
            logger.warning(
                "DAVE in channel %s: the bot sent no commit in %.0f s, using a listener's",
                self._channel_id,
                COMMIT_SECONDS,
            )
        finally:
            self._bot_commit = None
        return own, False

    async def _announce(self, commit: Commit, *, welcome_bot: bool = False) -> None:
        """Announce the epoch to the bot. The listeners get the new keys before the bot can use them."""
        self._epoch += 1
        listener = next(iter(self._members.values()))
        self.frames.add_keys(listener.key_ratchet(self._bot_id))
        transition_id = self._next_transition()
        self._awaited_transition = transition_id
        self._transition_answered.clear()
        prefix = struct.pack(">H", transition_id)
        if welcome_bot:
            await self._send_binary(WELCOME, prefix + commit.welcome)
        else:
            await self._send_binary(ANNOUNCE_COMMIT, prefix + commit.message)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._transition_answered.wait()
        except TimeoutError:
            logger.warning(
                "DAVE in channel %s: the bot was not ready in %.0f s", self._channel_id, READY_SECONDS
            )
        if self._invalid:
            return
        self.frames.require_encryption()
        await self._send_json(EXECUTE_TRANSITION, {"transition_id": transition_id})

    def _next_transition(self) -> int:
        self._transition = self._transition % 0xFFFF + 1
        return self._transition

    def _make_members(self, user_ids: list[str]) -> dict[str, _Member]:
        return {
            user_id: _Member(user_id, channel_id=self._channel_id, external_sender=self._external.package)
            for user_id in user_ids
        }

    def _recognize(self, members: Mapping[str, _Member]) -> set[str]:
        return {self._bot_id, *members}
