// A bot with discord.js and @discordjs/voice. An option of the library sets the API's address.
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import {
  createAudioPlayer,
  createAudioResource,
  entersState,
  getVoiceConnection,
  joinVoiceChannel,
  StreamType,
  VoiceConnectionStatus,
} from "@discordjs/voice";
import {
  ActivityType,
  AttachmentBuilder,
  ChannelType,
  Client,
  EmbedBuilder,
  Events,
  GatewayIntentBits,
  MessageFlags,
  SlashCommandBuilder,
} from "discord.js";

const settings = process.env;
const api = settings.API_URL.replace(/\/v\d+$/, ""); // discord.js adds the version
const client = new Client({
  rest: { api },
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMembers,
    GatewayIntentBits.GuildVoiceStates,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.GuildMessageReactions,
    GatewayIntentBits.GuildExpressions,
  ],
});
let sent;

client.once(Events.ClientReady, async () => {
  const act = new SlashCommandBuilder().setName("act").setDescription("Do something");
  const names = ["post", "tour", "join", "move", "leave"];
  act.addStringOption((option) =>
    option.setName("what").setDescription("What").setRequired(true).addChoices(names.map((name) => ({ name, value: name }))),
  );
  await client.application.commands.set([act], settings.GUILD_ID);
  console.log("ready");
});

client.on(Events.InteractionCreate, async (interaction) => {
  const what = interaction.options.getString("what");
  await { post, tour, join, move, leave }[what](interaction);
});

async function post(interaction) {
  const embed = new EmbedBuilder().setTitle("Now playing").setTimestamp();
  const file = new AttachmentBuilder(await readFile(settings.TONE), { name: "tone.ogg" });
  sent = await interaction.channel.send({ content: "A tone", embeds: [embed], files: [file] });
  await sent.react("🎵");
  await interaction.reply("posted");
}

function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

async function tour(interaction) {
  await interaction.deferReply();
  const { guild, channel } = interaction;
  sent = await sent.edit({ content: "No tone", attachments: [], files: [] });
  await sent.pin();
  const { items } = await channel.messages.fetchPins();
  check(items.length === 1 && items[0].message.id === sent.id, "not pinned");
  await sent.unpin();
  await sent.react("👍");
  const fetched = await channel.messages.fetch({ message: sent.id, force: true });
  const users = await fetched.reactions.cache.get("👍").users.fetch();
  check(users.has(client.user.id), "not among those who reacted");
  await fetched.reactions.cache.get("👍").users.remove(client.user.id);
  await fetched.reactions.cache.get("🎵").remove();
  await fetched.reactions.removeAll();
  await channel.sendTyping();
  const extra = [];
  for (const content of ["0", "1", "2"]) extra.push(await channel.send({ content, flags: MessageFlags.SuppressNotifications }));
  await channel.bulkDelete(extra);
  let role = await guild.roles.create({ name: "Regulars", colors: { primaryColor: 255 }, hoist: true });
  role = await role.edit({ name: "Guests", mentionable: true });
  await guild.members.editMe({ nick: "Jukebox" });
  const member = await guild.members.fetch({ user: settings.MEMBER_ID, force: true });
  await member.roles.add(role);
  await member.timeout(60_000);
  await member.timeout(null);
  await member.setNickname("In");
  check((await guild.members.fetch()).size === 4, "not all members");
  check((await guild.members.search({ query: "owner" })).size === 1, "owner not found");
  await role.delete();
  const room = await guild.channels.create({ name: "requests", type: ChannelType.GuildText, topic: "Ask here", rateLimitPerUser: 5 });
  await room.edit({ name: "wishes", nsfw: true });
  await room.permissionOverwrites.edit(guild.roles.everyone, { SendMessages: false });
  await room.delete();
  check((await client.application.emojis.fetch()).size === 0, "there are application emojis");
  check((await guild.emojis.fetch()).size === 0 && (await guild.stickers.fetch()).size === 0, "there are expressions");
  check((await client.fetchDefaultSoundboardSounds()).size > 0, "no default sounds");
  check((await guild.soundboardSounds.fetch()).size === 0, "there are sounds");
  check((await guild.channels.fetch()).size > 0 && (await guild.roles.fetch()).size > 0, "no channels or roles");
  client.user.setActivity("tones", { type: ActivityType.Playing });
  await interaction.followUp("first");
  const aside = await interaction.followUp({ content: "aside", flags: MessageFlags.Ephemeral });
  await interaction.editReply({ message: aside, content: "aside, edited" });
  await interaction.deleteReply(aside);
  await interaction.editReply("toured");
}

function connect(guild, channelId) {
  return joinVoiceChannel({ channelId, guildId: guild.id, adapterCreator: guild.voiceAdapterCreator, selfDeaf: false });
}

async function join(interaction) {
  await interaction.deferReply();
  const connection = connect(interaction.guild, settings.FIRST_ID);
  await entersState(connection, VoiceConnectionStatus.Ready, 15_000);
  const player = createAudioPlayer();
  player.play(createAudioResource(createReadStream(settings.TONE), { inputType: StreamType.OggOpus }));
  connection.subscribe(player);
  await interaction.editReply("joined");
}

async function move(interaction) {
  await interaction.deferReply();
  const connection = connect(interaction.guild, settings.SECOND_ID);
  await entersState(connection, VoiceConnectionStatus.Ready, 15_000);
  await interaction.editReply("moved");
}

async function leave(interaction) {
  await interaction.deferReply();
  getVoiceConnection(interaction.guildId).destroy();
  await interaction.editReply("left");
}

await client.login(settings.BOT_TOKEN);
