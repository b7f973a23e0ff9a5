"""A bot with py-cord. Only the API's address in the library is changed."""

import asyncio
import datetime
import io
import os
from pathlib import Path

import discord
from discord import oggparse

discord.http.Route.API_BASE_URL = os.environ["API_URL"]


class Tone(discord.AudioSource):
    """The unchanged Opus packets of an Ogg file."""

    def __init__(self) -> None:
        data = Path(os.environ["TONE"]).read_bytes()
        self.packets = oggparse.OggStream(io.BytesIO(data)).iter_packets()

    def read(self) -> bytes:
        return next(self.packets, b"")

    def is_opus(self) -> bool:
        return True


async def main() -> None:
    intents = discord.Intents.default()
    intents.members = True
    bot = discord.Bot(intents=intents)
    sent: list[discord.Message] = []

    @bot.event
    async def on_ready() -> None:
        print("ready", flush=True)

    @bot.slash_command(description="Do something", guild_ids=[int(os.environ["GUILD_ID"])])
    @discord.option("what", choices=["post", "tour", "join", "move", "leave"])
    async def act(context: discord.ApplicationContext, what: str) -> None:
        await {"post": post, "tour": tour, "join": join, "move": move, "leave": leave}[what](context)

    async def post(context: discord.ApplicationContext) -> None:
        embed = discord.Embed(title="Now playing", timestamp=discord.utils.utcnow())
        file = discord.File(os.environ["TONE"], filename="tone.ogg")
        sent.append(await context.channel.send("A tone", embed=embed, file=file))
        await sent[0].add_reaction("🎵")
        await context.respond("posted")

    async def tour(context: discord.ApplicationContext) -> None:
        await context.defer()
        guild, channel = context.guild, context.channel
        message = await sent[0].edit(content="No tone", attachments=[])
        await message.pin()
        assert [pin.message.id async for pin in channel.pins()] == [message.id]
        await message.unpin()
        await message.add_reaction("👍")
        reaction = (await channel.fetch_message(message.id)).reactions[1]
        assert [user.id async for user in reaction.users()] == [bot.user.id]
        await message.remove_reaction("👍", bot.user)
        await message.clear_reaction("🎵")
        await message.clear_reactions()
        async with channel.typing():
            extra = [await channel.send(str(number), silent=True) for number in range(3)]
        await channel.delete_messages(extra)
        role = await guild.create_role(name="Regulars", colour=discord.Colour.blue(), hoist=True)
        role = await role.edit(name="Guests", mentionable=True)
        await guild.me.edit(nick="Jukebox")
        member = await guild.fetch_member(int(os.environ["MEMBER_ID"]))
        await member.add_roles(role)
        await member.timeout_for(datetime.timedelta(minutes=1))
        await member.remove_timeout()
        await member.edit(nick="In")
        assert len(await guild.chunk() or guild.members) == 4
        assert await guild.query_members("owner")
        await role.delete()
        room = await guild.create_text_channel("requests", topic="Ask here", slowmode_delay=5)
        room = await room.edit(name="wishes", nsfw=True)
        await room.set_permissions(guild.default_role, send_messages=False)
        await room.delete()
        assert await bot.fetch_emojis() == await guild.fetch_emojis() == []
        assert await bot.fetch_default_sounds()
        assert await guild.fetch_sounds() == []
        assert await guild.fetch_channels()
        assert await guild.fetch_roles()
        assert (await bot.application_info()).id == bot.application_id
        await bot.change_presence(activity=discord.Game("tones"))
        await context.respond("first")
        aside = await context.respond("aside", ephemeral=True)
        await aside.edit(content="aside, edited")
        await aside.delete()
        await context.interaction.edit_original_response(content="toured")

    async def join(context: discord.ApplicationContext) -> None:
        await context.defer()
        voice = await context.guild.get_channel(int(os.environ["FIRST_ID"])).connect(timeout=15)
        voice.play(Tone())
        await context.respond("joined")

    async def move(context: discord.ApplicationContext) -> None:
        await context.defer()
        await context.voice_client.move_to(context.guild.get_channel(int(os.environ["SECOND_ID"])))
        await context.respond("moved")

    async def leave(context: discord.ApplicationContext) -> None:
        await context.defer()
        await context.voice_client.disconnect()
        await context.respond("left")

    await bot.start(os.environ["BOT_TOKEN"])


asyncio.run(main())
