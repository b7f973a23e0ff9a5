"""A bot with hikari, which does not support voice. An argument of the library sets the API's address."""

import datetime
import os

import hikari
from hikari.api import special_endpoints

GUILD, MEMBER = int(os.environ["GUILD_ID"]), int(os.environ["MEMBER_ID"])

bot = hikari.GatewayBot(
    os.environ["BOT_TOKEN"],
    rest_url=os.environ["API_URL"],
    intents=hikari.Intents.ALL_UNPRIVILEGED | hikari.Intents.GUILD_MEMBERS,
    banner=None,
)
sent: list[hikari.Message] = []


@bot.listen()
async def started(event: hikari.StartedEvent) -> None:
    names = ("post", "tour")
    what = hikari.CommandOption(
        type=hikari.OptionType.STRING,
        name="what",
        description="What",
        is_required=True,
        choices=[hikari.CommandChoice(name=name, value=name) for name in names],
    )
    act: special_endpoints.SlashCommandBuilder = bot.rest.slash_command_builder("act", "Do something")
    application = await bot.rest.fetch_application()
    await bot.rest.set_application_commands(application, [act.add_option(what)], guild=GUILD)
    print("ready", flush=True)


@bot.listen()
async def interaction_created(event: hikari.InteractionCreateEvent) -> None:
    interaction = event.interaction
    assert isinstance(interaction, hikari.CommandInteraction)
    assert interaction.options is not None
    await {"post": post, "tour": tour}[str(interaction.options[0].value)](interaction)


async def post(interaction: hikari.CommandInteraction) -> None:
    embed = hikari.Embed(title="Now playing", timestamp=datetime.datetime.now(datetime.UTC))
    file = hikari.File(os.environ["TONE"], filename="tone.ogg")
    sent.append(await bot.rest.create_message(interaction.channel_id, "A tone", embed=embed, attachment=file))
    await sent[0].add_reaction("🎵")
    await interaction.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, "posted")


async def tour(interaction: hikari.CommandInteraction) -> None:
    await interaction.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
    rest, channel, message = bot.rest, interaction.channel_id, sent[0]
    assert (await message.edit("No tone", attachment=None)).attachments == []
    await rest.pin_message(channel, message)
    assert [pin.message.id for pin in await rest.fetch_pins(channel)] == [message.id]
    await rest.unpin_message(channel, message)
    await message.add_reaction("👍")
    assert len((await rest.fetch_message(channel, message)).reactions) == 2
    assert [user.id for user in await rest.fetch_reactions_for_emoji(channel, message, "👍")] == [
        bot.get_me().id
    ]
    await message.remove_reaction("👍")
    await message.remove_all_reactions("🎵")
    await message.remove_all_reactions()
    async with rest.trigger_typing(channel):
        extra = [await rest.create_message(channel, str(number)) for number in range(3)]
    await rest.delete_messages(channel, extra)
    role = await rest.create_role(GUILD, name="Regulars", color=255, hoist=True)
    role = await rest.edit_role(GUILD, role, name="Guests", mentionable=True)
    await rest.edit_my_member(GUILD, nickname="Jukebox")
    await rest.add_role_to_member(GUILD, MEMBER, role)
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    await rest.edit_member(GUILD, MEMBER, communication_disabled_until=until)
    await rest.edit_member(GUILD, MEMBER, nickname="In", communication_disabled_until=None)
    assert len(await rest.fetch_members(GUILD)) == 4
    assert await rest.search_members(GUILD, "owner")
    await rest.delete_role(GUILD, role)
    room = await rest.create_guild_text_channel(GUILD, "requests", topic="Ask here", rate_limit_per_user=5)
    await rest.edit_channel(room, name="wishes", nsfw=True)
    denied = hikari.Permissions.SEND_MESSAGES
    target = hikari.PermissionOverwriteType.ROLE
    await rest.edit_permission_overwrite(room, GUILD, target_type=target, deny=denied)
    await rest.delete_channel(room)
    assert await rest.fetch_application_emojis(interaction.application_id) == []
    assert await rest.fetch_guild_emojis(GUILD) == await rest.fetch_guild_stickers(GUILD) == []
    assert await rest.fetch_guild_channels(GUILD)
    assert await rest.fetch_roles(GUILD)
    assert await rest.fetch_voice_regions()
    await bot.update_presence(activity=hikari.Activity(name="tones"))
    await interaction.execute("first")
    aside = await interaction.execute("aside", flags=hikari.MessageFlag.EPHEMERAL)
    await interaction.edit_message(aside, "aside, edited")
    await interaction.delete_message(aside)
    await interaction.edit_initial_response("toured")


bot.run(check_for_updates=False)
