"""A bot with discord.py. Only the addresses in the library are changed."""

import asyncio
import datetime
import io
import os
from pathlib import Path

import discord
import yarl
from discord import app_commands, oggparse

discord.http.Route.BASE = os.environ["API_URL"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["GATEWAY_URL"])
GUILD = discord.Object(int(os.environ["GUILD_ID"]))


class Tone(discord.AudioSource):
    """The unchanged Opus packets of an Ogg file."""

    def __init__(self) -> None:
        data = Path(os.environ["TONE"]).read_bytes()
        self.packets = oggparse.OggStream(io.BytesIO(data)).iter_packets()

    def read(self) -> bytes:
        return next(self.packets, b"")

    def is_opus(self) -> bool:
        return True


class Bot(discord.Client):
    def __init__(self) -> None:
        intents = discord.Intents.default()
        intents.members = True
        super().__init__(intents=intents)
        self.tree = app_commands.CommandTree(self)
        self.sent = None

    async def setup_hook(self) -> None:
        await self.tree.sync(guild=GUILD)

    async def on_ready(self) -> None:
        print("ready", flush=True)


bot = Bot()


@bot.tree.command(guild=GUILD, description="Do something")
@app_commands.choices(
    what=[app_commands.Choice(name=name, value=name) for name in ("post", "tour", "join", "move", "leave")]
)
async def act(interaction: discord.Interaction, what: str) -> None:
    await {"post": post, "tour": tour, "join": join, "move": move, "leave": leave}[what](interaction)


async def post(interaction: discord.Interaction) -> None:
    embed = discord.Embed(title="Now playing", timestamp=discord.utils.utcnow())
    file = discord.File(os.environ["TONE"], filename="tone.ogg")
    bot.sent = await interaction.channel.send("A tone", embed=embed, file=file)
    await bot.sent.add_reaction("🎵")
    await interaction.response.send_message("posted")


async def tour(interaction: discord.Interaction) -> None:
    await interaction.response.defer(thinking=True)
    guild, channel = interaction.guild, interaction.channel
    bot.sent = await bot.sent.edit(content="No tone", attachments=[])
    await bot.sent.pin()
    assert [pin.id async for pin in channel.pins()] == [bot.sent.id]
    await bot.sent.unpin()
    await bot.sent.add_reaction("👍")
    reaction = (await channel.fetch_message(bot.sent.id)).reactions[1]
    assert [user.id async for user in reaction.users()] == [bot.user.id]
    await bot.sent.remove_reaction("👍", bot.user)
    await bot.sent.clear_reaction("🎵")
    await bot.sent.clear_reactions()
    async with channel.typing():
        extra = [await channel.send(str(number), silent=True) for number in range(3)]
    await channel.delete_messages(extra)
    role = await guild.create_role(name="Regulars", colour=discord.Colour.blue(), hoist=True)
    role = await role.edit(name="Guests", mentionable=True)
    await guild.me.edit(nick="Jukebox")
    member = await guild.fetch_member(int(os.environ["MEMBER_ID"]))
    await member.add_roles(role)
    await member.timeout(datetime.timedelta(minutes=1))
    await member.edit(nick="In", timed_out_until=None)
    assert len(await guild.chunk()) == 4
    assert await guild.query_members("owner")
    await role.delete()
    room = await guild.create_text_channel("requests", topic="Ask here", slowmode_delay=5)
    await room.edit(name="wishes", nsfw=True)
    await room.set_permissions(guild.default_role, send_messages=False)
    await room.delete()
    emojis = await bot.fetch_application_emojis()
    assert emojis == await guild.fetch_emojis() == []
    assert await bot.fetch_soundboard_default_sounds()
    assert await guild.fetch_channels()
    assert await guild.fetch_roles()
    assert (await bot.application_info()).id == bot.application_id
    await bot.change_presence(activity=discord.Game("tones"))
    second = await interaction.followup.send("first", wait=True)
    third = await interaction.followup.send("aside", ephemeral=True, wait=True)
    await third.edit(content="aside, edited")
    await third.delete()
    assert second.content == "first"
    await interaction.edit_original_response(content="toured")


async def join(interaction: discord.Interaction) -> None:
    await interaction.response.defer()
    channel = interaction.guild.get_channel(int(os.environ["FIRST_ID"]))
    voice = await channel.connect(timeout=15)
    voice.play(Tone())
    await interaction.followup.send("joined")


async def move(interaction: discord.Interaction) -> None:
    await interaction.response.defer()
    channel = interaction.guild.get_channel(int(os.environ["SECOND_ID"]))
    await interaction.guild.voice_client.move_to(channel, timeout=15)
    await interaction.followup.send("moved")


async def leave(interaction: discord.Interaction) -> None:
    await interaction.response.defer()
    await interaction.guild.voice_client.disconnect()
    await interaction.followup.send("left")


asyncio.run(bot.start(os.environ["BOT_TOKEN"]))
