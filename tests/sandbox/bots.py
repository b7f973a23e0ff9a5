"""A nextcord bot with commands and buttons, and a person who uses them."""

import asyncio
from typing import Any

import httpx
import nextcord
from nextcord import Interaction, SlashOption

from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from tests.sandbox.conftest import channel_id
from tests.waiting import eventually


class Buttons(nextcord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @nextcord.ui.button(label="Count", custom_id="count")
    async def count(self, button: nextcord.ui.Button[Any], interaction: Interaction[Any]) -> None:
        label = str(button.label)
        button.label = str(int(label) + 1) if label.isdigit() else "1"
        await interaction.response.edit_message(view=self)

    @nextcord.ui.button(label="Whisper", custom_id="whisper")
    async def whisper(self, button: nextcord.ui.Button[Any], interaction: Interaction[Any]) -> None:
        await interaction.response.send_message("between us", ephemeral=True)

    @nextcord.ui.button(label="Off", custom_id="off", disabled=True)
    async def off(self, button: nextcord.ui.Button[Any], interaction: Interaction[Any]) -> None: ...


READY_SECONDS = 0.2  # how long nextcord waits for more guilds before it calls itself ready; its default is 2


def make_bot() -> nextcord.Client:
    intents = nextcord.Intents.default()
    intents.members = True
    client = nextcord.Client(intents=intents, guild_ready_timeout=READY_SECONDS)

    @client.slash_command(description="Play a track")
    async def play(
        interaction: Interaction[Any],
        query: str = SlashOption(description="What", autocomplete=True),
        position: str = SlashOption(
            description="Where", required=False, default="end", choices=["end", "next"]
        ),
        times: int = SlashOption(
            description="How often", required=False, default=1, min_value=1, max_value=3
        ),
    ) -> None:
        await interaction.response.send_message(f"{interaction.user} plays {query} {times}x at {position}")

    @play.on_autocomplete("query")
    async def suggest(interaction: Interaction[Any], query: str) -> None:
        await interaction.response.send_autocomplete([f"{query} one", f"{query} two"])

    @client.slash_command(description="Slow")
    async def slow(
        interaction: Interaction[Any], secret: bool = SlashOption(description="?", required=False)
    ) -> None:
        await interaction.response.defer(ephemeral=bool(secret))
        await asyncio.sleep(0.05)
        await interaction.edit_original_message(content="done at last")
        await interaction.followup.send("and more", ephemeral=bool(secret))

    @client.slash_command(description="Never answers")
    async def silent(interaction: Interaction[Any]) -> None: ...

    @client.slash_command(description="Shows buttons")
    async def panel(interaction: Interaction[Any]) -> None:
        embed = nextcord.Embed(title="Panel", description="Press", color=0xF2A33A)
        await interaction.response.send_message(embed=embed, view=Buttons())

    @client.slash_command(description="Of people and places")
    async def who(
        interaction: Interaction[Any],
        person: nextcord.Member = SlashOption(description="Person"),
        place: nextcord.abc.GuildChannel = SlashOption(description="Place", required=False),
    ) -> None:
        await interaction.response.send_message(f"{person.id} {place.id if place else None}")

    @client.slash_command(description="Lists")
    async def playlist(interaction: Interaction[Any]) -> None: ...

    @playlist.subcommand(description="Add to a list")
    async def add(interaction: Interaction[Any], name: str = SlashOption(description="Name")) -> None:
        await interaction.response.send_message(f"added {name}", ephemeral=True)

    @client.slash_command(
        description="For managers", default_member_permissions=nextcord.Permissions(manage_guild=True)
    )
    async def manage(interaction: Interaction[Any]) -> None:
        await interaction.response.send_message("managed")

    return client


class Human:
    """Uses commands and presses buttons in the Lounge's #general."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient, name: str) -> None:
        self.place = {"user": name, "guild_id": LOUNGE, "channel_id": channel_id(sandbox, "general")}
        self.http = http

    async def use(self, command: str, **more: Any) -> tuple[int, dict[str, Any]]:
        options = more.pop("options", {})
        body = self.place | {"command": command, "options": options} | more
        answer = await self.http.post("/_sandbox/interactions", json=body)
        return answer.status_code, answer.json()

    async def press(self, message_id: str, custom_id: str) -> tuple[int, dict[str, Any]]:
        body = {"user": self.place["user"], "message_id": message_id, "custom_id": custom_id}
        answer = await self.http.post("/_sandbox/components", json=body)
        return answer.status_code, answer.json()

    async def sees(self) -> list[str]:
        state = (await self.http.get("/_sandbox/state", params={"user": self.place["user"]})).json()
        return [message["content"] for message in state["messages"]]


async def registered(sandbox: Sandbox) -> None:
    """Wait until the commands are registered, which nextcord does right after it is ready."""
    await eventually(lambda: len(sandbox.world.commands) >= 7)
