"""Names that look like those of real music, in eight scripts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple


class Song(NamedTuple):
    title: str
    artist: str
    album: str


@dataclass(frozen=True)
class Script:
    """Words of titles and of artists, what joins them, and how large a part of a library is in this script."""

    name: str
    share: float
    words: str
    people: str
    space: str = " "

    def title(self, dice: random.Random) -> str:
        count = dice.choices((1, 2, 3, 4), (3, 5, 4, 2))[0]
        title = self.space.join(self._word(dice) for _ in range(count))
        return title[0].upper() + title[1:]

    def _word(self, dice: random.Random) -> str:
        """Return a word. Some of those with spaces between are invented: a library has tens of thousands."""
        word, other = dice.choices(self.words.split(), k=2)
        return word[:4] + other[-4:] if self.space and dice.random() < 0.35 else word

    def artist(self, dice: random.Random) -> str:
        first, last = dice.choices(self.people.split(), k=2)
        return f"{first}{self.space}{last}"


SCRIPTS = (
    Script(
        "English", 0.42,
        "love night river golden dance moon stone echo silver rain fire heart shadow summer winter blue light dream"
        " road house ocean mountain city garden letter the of in my your wonderland station paper ferry harbour lantern"
        " thunder whisper diamond velvet hollow gravity satellite carousel midnight morning forever nobody somebody"
        " window mirror highway anthem cathedral butterfly electric parade orchard tambourine lullaby horizon",
        "Ada Paper Ferries Tidal Clock Late Desk Understorey Meridian Lift Jonny Marvin Ella Otis Nina Simon Clara"
        " Hollow Coast Wild Arcade Foxes Beacon Rivers Quiet Parade Atlas Birch Velvet Kings Morning Choir",
    ),
    Script(
        "German and Scandinavian", 0.12,
        "Mädchen Straße Träume über Grüße Nächte Fenster Himmel Regen Wälder schön Herz König Freiheit Märchen Sonne"
        " älv öppna måne fjäll sjö kärlek natt grå skog dröm ørken løve fløyte smørbrød",
        "Jürgen Größe Björk Søren Ånd Müller Élise Fjäll Östberg Käthe Nørgaard Weiß Motörkopf Hölderlin Åse",
    ),
    Script(
        "French, Spanish and Portuguese", 0.12,
        "l'été garçon déjà forêt cœur naïve façade hôtel corazón niño mañana canción sueño coração não saudade avião"
        " lumière étoile chanson noche luna ciudad último verão amanhã rosée café",
        "Zoë François Inés Ñandú João Céline Água Étienne Peña Lucía Noël Chloé Gonçalves Iñaki Mãe",
    ),
    Script(
        "Russian and Ukrainian", 0.1,
        "ночь группа крови звезда снег город любовь моя река дорога время осень ёлка свет тишина мечта небо дождь"
        " солнце птица море їжак ніч зоря поїзд",
        "Виктор Аквариум Кино Земфира Сплин Мумий Ёлка Океан Ельзи Чайф Алиса Пикник Ночные Снайперы",
    ),
    Script(
        "Greek", 0.04,
        "αγάπη νύχτα θάλασσα ήλιος καρδιά δρόμος όνειρο φεγγάρι βροχή ουρανός",
        "Μίκης Θεοδωράκης Ελένη Χάρις Αλεξίου Γιώργος Νταλάρας Άννα",
    ),
    Script(
        "Japanese", 0.08,
        "夜 に駆ける 桜 涙 東京 タワー さくら ラブ ソング 花火 空 の色 約束 ヒカリ 雨 道 きみ を待つ 星 セカイ",
        "ヨル シカ 宇多 米津 あいみょん スピッツ 椎名 バンプ サカナ クション", "",
    ),
    Script(
        "Chinese", 0.07, "青花瓷 月亮 代表 我的心 夜曲 稻香 晴天 告白 气球 七里香 童话 小幸运 红豆 十年 听海 明天 你好",
        "周杰 王菲 陈奕 邓丽 李宗 张学 孙燕 林俊", "",
    ),
    Script(
        "Korean and Arabic", 0.05,
        "사랑 했다 봄날 거짓말 하루 눈의 꽃 밤편지 좋은날 حب ليل قمر حياتي القلب يا عيني الحب",
        "아이유 방탄 빅뱅 이문세 فيروز ام كلثوم عمرو دياب",
    ),
)  # fmt: skip


def make_songs(count: int, seed: int = 16) -> list[Song]:
    """Return songs of albums with 8 to 16 tracks. One title in twelve is a title that another song has."""
    dice, songs = random.Random(seed), list[Song]()
    artists = {
        script.name: [script.artist(dice) for _ in range(round(count / 30 * script.share))]
        for script in SCRIPTS
    }
    while len(songs) < count:
        (script,) = dice.choices(SCRIPTS, [script.share for script in SCRIPTS])
        artist = dice.choice(artists[script.name] or [script.artist(dice)])
        album = script.title(dice)
        for _ in range(dice.randint(8, 16)):
            again = songs and dice.random() < 1 / 12
            songs.append(Song(dice.choice(songs).title if again else script.title(dice), artist, album))
    return songs[:count]
