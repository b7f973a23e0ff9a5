"""`python -m backline_client ws`: register on a stream, send messages, and print what arrives."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backline_client.command_lines import STDIN, BadInput, print_line, read_file, read_objects
from backline_client.frames import Frame, Message
from backline_client.position import Position
from backline_client.stream import Item, Stream, StreamClient

WATCHED = ["video-frame", "alert"]
PICTURES = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"RIFF": "webp"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Register on a live stream, and print what arrives, one JSON object per line. Of a frame, the header and its "
        "size (`bytes`) are printed. Without --consumes, the command ends when everything is sent, else on Ctrl-C. "
        "Without --consumes, --produces, --send and --presence, it prints frames, alerts and presence."
    )
    parser.add_argument(
        "--stream", required=True, metavar="ID", help="the stream, created if you produce to it"
    )
    parser.add_argument(
        "--produces", type=_types, default=[], metavar="TYPES", help="types to send: video-frame,alert"
    )
    parser.add_argument(
        "--consumes", type=_types, default=[], metavar="TYPES", help="types to receive: video-frame,alert"
    )
    parser.add_argument(
        "--send",
        metavar="FILE",
        help="a JPEG, PNG or WebP picture to send as a frame, or a file (- for standard input) with one JSON object "
        "per line to send as messages. The default of a message's `type` is the produced type",
    )
    parser.add_argument(
        "--since", type=int, metavar="SEQ", help="also receive durable messages after SEQ (0: all)"
    )
    parser.add_argument("--epoch", default="", help="the epoch of the log that --since belongs to")
    parser.add_argument("--presence", action="store_true", help="print who is on the stream at each change")
    parser.add_argument("--count", type=int, metavar="N", help="stop after N messages or frames")
    parser.add_argument(
        "--save", type=Path, metavar="FOLDER", help="write each frame's payload to a file in FOLDER"
    )


async def run(client_options: tuple[str, str], arguments: argparse.Namespace) -> None:
    """Raises BacklineError or BadInput."""
    picture = _picture(arguments.send)
    produces = arguments.produces or (["video-frame"] if picture else ["alert"] if arguments.send else [])
    if not (produces or arguments.consumes or arguments.presence):
        arguments.consumes, arguments.presence = WATCHED, True
    if arguments.save:
        await asyncio.to_thread(arguments.save.mkdir, parents=True, exist_ok=True)
    since = None if arguments.since is None else Position(arguments.epoch, arguments.since)
    async with StreamClient(*client_options) as client:
        stream = await client.register(
            arguments.stream,
            produces=produces,
            consumes=arguments.consumes,
            since=since,
            presence=arguments.presence,
        )
        printing = asyncio.ensure_future(_print(stream, arguments.count, arguments.save))
        sending = asyncio.ensure_future(_send(client, stream, arguments.send, produces, picture))
        try:
            await asyncio.wait({printing, sending}, return_when=asyncio.FIRST_COMPLETED)
            if not printing.done():
                await sending
            if printing.done() or arguments.consumes or arguments.presence or not arguments.send:
                await printing
        finally:
            printing.cancel()
            sending.cancel()
            await asyncio.gather(printing, sending, return_exceptions=True)


def _types(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _picture(source: str | None) -> bytes | None:
    if source is None or source == STDIN:
        return None
    content = read_file(source)
    return content if _kind(content) else None


def _kind(payload: bytes) -> str | None:
    return next((kind for start, kind in PICTURES.items() if payload.startswith(start)), None)


async def _send(
    client: StreamClient, stream: Stream, source: str | None, produces: list[str], picture: bytes | None
) -> None:
    if picture is not None:
        await stream.send_frame(produces[0], picture)
        await client.ping()  # waits, so that a refusal is printed before the program exits
        return
    if source is None:
        return
    async for given in read_objects(source):
        type_ = given.pop("type", produces[0] if len(produces) == 1 else None)
        if not isinstance(type_, str):
            raise BadInput("A message must have a `type`.")
        message_id = given.pop("id", None)
        if not isinstance(message_id, str | None):
            raise BadInput("`id` must be a string.")
        print_line({"type": "ack", **asdict(await stream.send(type_, given, message_id=message_id))})


async def _print(stream: Stream, count: int | None, folder: Path | None) -> None:
    seen = 0
    async for item in stream:
        if isinstance(item, Frame) and folder is not None:
            file = folder / f"{item.number:08}.{_kind(item.payload) or 'bin'}"
            await asyncio.to_thread(file.write_bytes, item.payload)
        print_line(_shown(item))
        seen += isinstance(item, Message | Frame)
        if seen == count:
            return


def _shown(item: Item) -> dict[str, Any]:
    if not isinstance(item, Message | Frame):
        return {"type": "presence", **asdict(item)}
    shown = {**item.data, "type": item.type, "from": asdict(item.sender), "timestamp": item.timestamp_ms}
    if isinstance(item, Frame):
        return shown | {"frame": item.number, "missed": item.missed, "bytes": len(item.payload)}
    return shown | {"seq": item.seq, "id": item.id}
