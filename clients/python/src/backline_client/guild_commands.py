"""The commands of guilds, written by `manage.py generate` from queue_app/commands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from backline_client.sync import Ack


class AddTrackArgumentsPosition(TypedDict):
    after: str


class AddTrackArguments(TypedDict):
    # a search, a link or a library URI
    query: str
    position: NotRequired[Literal["end", "next", "now"] | AddTrackArgumentsPosition]


class AddTracksArgumentsPosition(TypedDict):
    after: str


AddTracksArguments = TypedDict(
    "AddTracksArguments",
    {
        "from": NotRequired[str],
        "uris": NotRequired[list[str]],
        "position": NotRequired[Literal["end", "next", "now"] | AddTracksArgumentsPosition],
        "shuffle": NotRequired[bool],
    },
)


class ChangeSettingsArguments(TypedDict):
    # DJs skip at once, remove other people's tracks, and control the player from anywhere. People who
    # manage the server are always DJs.
    dj_role_id: NotRequired[str | None]
    # Who may add tracks to the queue.
    may_add: NotRequired[Literal["everyone", "dj", "managers"]]
    # Everyone: listeners vote, and DJs skip at once. You can always skip your own track.
    may_skip: NotRequired[Literal["everyone", "dj", "managers"]]
    # The share of listeners who must vote to skip.
    vote_share: NotRequired[int]
    # Who may move tracks, and add tracks ahead of other people's tracks.
    may_move: NotRequired[Literal["everyone", "dj", "managers"]]
    # Who may remove all tracks from the queue.
    may_clear: NotRequired[Literal["everyone", "dj", "managers"]]
    # The queue alternates between people, so that nobody waits for a whole album. While this is on, only
    # DJs may change the order.
    fair_order: NotRequired[bool]
    # The most tracks that one person may have in the queue. DJs have no limit.
    max_per_person: NotRequired[int | None]
    # Only tracks from these sources can be added.
    allowed_sources: NotRequired[list[str] | None]
    # The bot plays here when neither the bot nor the requester is in a voice channel.
    voice_channel_id: NotRequired[str | None]
    # The volume until someone changes it.
    default_volume: NotRequired[int]
    # If off, the bot leaves an empty channel after a while. The queue is kept.
    stay_in_channel: NotRequired[bool]
    # How long the bot waits in an empty channel.
    leave_after_minutes: NotRequired[int]
    # The current track is shown under the name of the voice channel. The bot needs the permission Set Voice
    # Channel Status for this.
    channel_status: NotRequired[bool]
    # The bot posts one message with the current track and buttons, and keeps it up to date.
    show_card: NotRequired[bool]
    # Where that message is posted.
    announce_channel_id: NotRequired[str | None]
    # Every message in this channel is a request: words to search, links, or audio files. The bot queues it
    # and removes the message. The message with the current track is posted here too.
    request_channel_id: NotRequired[str | None]
    # The language of messages that everyone can see. People get their own replies in their language.
    language: NotRequired[Literal["discord", "en", "de"]]


class ClearQueueArguments(TypedDict):
    # `all`, `mine` or the id of a user
    whose: NotRequired[str]


class JoinVoiceArguments(TypedDict):
    # a voice or stage channel
    channel_id: str


class MoveItemArguments(TypedDict):
    item_id: str
    # the item that it should follow, or None for the front
    after: str | None


class MoveItemsArguments(TypedDict):
    # 1,000 at most
    item_ids: list[str]
    # the item that they should follow, or None for the front; without it, the end
    after: NotRequired[str | None]


class RedoArguments(TypedDict):
    # any seq of the change, or None for the change that you undid last, unless you made another one since
    seq: NotRequired[int | None]


class ItemArguments(TypedDict):
    item_id: str


class RemoveItemsArguments(TypedDict):
    # 1,000 at most
    item_ids: list[str]


class SaveQueueArguments(TypedDict):
    # the name of the new playlist
    name: str
    # as a playlist of the server instead of one of your own
    shared: NotRequired[bool]


class SeekArguments(TypedDict):
    # position in the track, or its end if that is earlier
    position_ms: NotRequired[int]
    # how far forward, or backward if negative
    delta_ms: NotRequired[int]


class SetLoopArguments(TypedDict):
    # what is repeated
    loop: Literal["off", "track", "queue"]


class SetVolumeArguments(TypedDict):
    # percent of the original loudness
    volume: int


class SkipArguments(TypedDict):
    # the current item; if another one plays now, nothing is skipped
    item_id: NotRequired[str]


class UndoArguments(TypedDict):
    # any seq of the change, or None for your newest change
    seq: NotRequired[int | None]


class GuildCommands(ABC):
    """A method for each command. The response has the seqs of its events, none if nothing changed."""

    @abstractmethod
    async def command(self, name: str, args: Mapping[str, Any] | None = None) -> Ack:
        """Run a command by its name, exactly once. Raises Refused."""

    async def add_track(self, **args: Unpack[AddTrackArguments]) -> Ack:
        """Add the track that `query` names to the queue. `now` also skips the current track."""
        return await self.command("AddTrack", args)

    async def add_tracks(self, **args: Unpack[AddTracksArguments]) -> Ack:
        """Add several tracks, or a whole album, artist, folder or playlist. `now` also skips the current
        track."""
        return await self.command("AddTracks", args)

    async def change_settings(self, **args: Unpack[ChangeSettingsArguments]) -> Ack:
        """Change some of the guild's settings."""
        return await self.command("ChangeSettings", args)

    async def clear_queue(self, **args: Unpack[ClearQueueArguments]) -> Ack:
        """Clear the queue, or remove one person's tracks, and dismiss failed tracks. The current track
        continues."""
        return await self.command("ClearQueue", args)

    async def join_voice(self, **args: Unpack[JoinVoiceArguments]) -> Ack:
        """Move the bot to a voice channel."""
        return await self.command("JoinVoice", args)

    async def leave_voice(self) -> Ack:
        """Leave the voice channel and stop. The current track and its position are kept."""
        return await self.command("LeaveVoice")

    async def move_item(self, **args: Unpack[MoveItemArguments]) -> Ack:
        """Move an item after another one, or to the front if `after` is None or has started."""
        return await self.command("MoveItem", args)

    async def move_items(self, **args: Unpack[MoveItemsArguments]) -> Ack:
        """Move several items to one place, in their order. Moves none if one of them is no longer queued."""
        return await self.command("MoveItems", args)

    async def pause(self) -> Ack:
        """Pause playback."""
        return await self.command("Pause")

    async def previous(self) -> Ack:
        """Go back to the previous track, or start the current one over if more than 3 seconds of it have
        played."""
        return await self.command("Previous")

    async def redo(self, **args: Unpack[RedoArguments]) -> Ack:
        """Redo a change that was undone. In the events, `metadata.redoes` is the first seq of that
        change."""
        return await self.command("Redo", args)

    async def remove_absent(self) -> Ack:
        """Remove queued tracks of people who are not in the bot's voice channel."""
        return await self.command("RemoveAbsent")

    async def remove_duplicates(self) -> Ack:
        """Remove queued tracks that are also queued further to the front."""
        return await self.command("RemoveDuplicates")

    async def remove_item(self, **args: Unpack[ItemArguments]) -> Ack:
        """Remove a queued or failed item."""
        return await self.command("RemoveItem", args)

    async def remove_items(self, **args: Unpack[RemoveItemsArguments]) -> Ack:
        """Remove several queued items. Removes none if one of them is not queued or you may not remove
        it."""
        return await self.command("RemoveItems", args)

    async def replay(self) -> Ack:
        """Start the current track over."""
        return await self.command("Replay")

    async def resume(self) -> Ack:
        """Resume playback, also after the bot left voice or Discord refused the voice connection."""
        return await self.command("Resume")

    async def retry_item(self, **args: Unpack[ItemArguments]) -> Ack:
        """Add the track of a failed, played or skipped item to the end of the queue again."""
        return await self.command("RetryItem", args)

    async def save_queue(self, **args: Unpack[SaveQueueArguments]) -> Ack:
        """Save the current track and the queue as a new playlist."""
        return await self.command("SaveQueue", args)

    async def seek(self, **args: Unpack[SeekArguments]) -> Ack:
        """Continue the current track at another position."""
        return await self.command("Seek", args)

    async def set_loop(self, **args: Unpack[SetLoopArguments]) -> Ack:
        """Set what is repeated: nothing, the current track, or the queue. Failed tracks are never
        repeated."""
        return await self.command("SetLoop", args)

    async def set_volume(self, **args: Unpack[SetVolumeArguments]) -> Ack:
        """Set the volume."""
        return await self.command("SetVolume", args)

    async def shuffle_queue(self) -> Ack:
        """Put the queue in a random order."""
        return await self.command("ShuffleQueue")

    async def skip(self, **args: Unpack[SkipArguments]) -> Ack:
        """Skip the current track, or vote to skip it. A second vote has no effect."""
        return await self.command("Skip", args)

    async def skip_to(self, **args: Unpack[ItemArguments]) -> Ack:
        """Jump to a queued item. The current track and the items in between are skipped, and stay in the
        history."""
        return await self.command("SkipTo", args)

    async def stop(self) -> Ack:
        """Stop playback: skip the current track, clear the queue and leave the voice channel."""
        return await self.command("Stop")

    async def undo(self, **args: Unpack[UndoArguments]) -> Ack:
        """Undo a change of the last 24 hours and the last 1,000 events, as far as this is still possible."""
        return await self.command("Undo", args)
