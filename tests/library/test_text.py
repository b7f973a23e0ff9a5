from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.sources import text as text_module
from library.sources.playlists import read_file
from library.sources.text import _guess, decode, repair
from tests.library.names import NAMES as LOOKED_AT
from tests.library.names_held_out import HELD_OUT

NAMES = {
    "cp1252": [
        "Motörhead",
        "Für Elise",
        "Björk",
        "Sigur Rós",
        "Beyoncé",
        "Señorita",
        "L’été indien",
        "À la folie",
        "Ça plane pour moi",
        "Coração",
        "¿Dónde está?",
        "Blue Öyster Cult",
        "Ágætis byrjun",
    ],
    "cp1251": [
        "Аквариум",
        "Кино",
        "Группа крови",
        "Звезда по имени Солнце",
        "Хочешь?",
        "Би-2",
        "Океан Ельзи",
        "Полковнику никто не пишет",
        "Иван Купала Live",
    ],
    "koi8-r": ["Аквариум", "Группа крови", "Беспечный ангел", "Наутилус Помпилиус"],
    "cp1250": [
        "Dvořák",
        "Łódź",
        "Dziwny jest ten świat",
        "Đorđe Balašević",
        "Příliš žluťoučký kůň",
        "Gyöngyhajú lány",
    ],
    "cp866": ["Аквариум", "Звезда по имени Солнце", "Кино"],
    "cp1254": ["Barış Manço", "Müslüm Gürses", "Çok Güzelsin"],
    "cp1253": ["Μίκης Θεοδωράκης", "Ζορμπάς", "Χάρις Αλεξίου"],
    "cp932": ["宇多田ヒカル", "桜", "千と千尋の神隠し", "丸の内サディスティック"],
    "gbk": ["周杰伦", "青花瓷", "月亮代表我的心", "邓丽君"],
    "big5": ["周杰倫", "月亮代表我的心", "鄧麗君"],
    "cp949": ["사랑", "아이유", "방탄소년단", "좋은 날"],
}
ALL = [(encoding, name) for encoding, names in NAMES.items() for name in names]


@pytest.mark.parametrize(("encoding", "name"), ALL)
def test_names_in_the_encodings_that_tags_are_in(encoding: str, name: str) -> None:
    assert decode(name.encode(encoding)) == name
    assert decode(name.encode()) == name


@pytest.mark.parametrize("encoding", NAMES)
def test_the_tags_of_a_file_are_in_one_encoding(encoding: str) -> None:
    names = NAMES[encoding][:3]
    broken = [name.encode(encoding).decode("utf-8", "surrogateescape") for name in names]
    assert repair(broken, latin=False) == names


@pytest.mark.parametrize("name", ["Аквариум", "Кино", "Тату", "ДДТ", "Группа крови"])
def test_what_id3_calls_latin_1_is_doubted(name: str) -> None:
    assert repair([name.encode("cp1251").decode("latin-1")], latin=True) == [name]
    assert repair([name.encode().decode("latin-1")], latin=True) == [name]
    mistaken = name.encode("cp1251").decode("latin-1")
    assert repair([mistaken], latin=False) == [mistaken]


@pytest.mark.parametrize(
    "name",
    [
        *NAMES["cp1252"],
        "Ä",
        "Öä",
        "Éé",
        "Ünloved",
        "Íñigo",
        "Hyvää yötä",
        "Þórður",
        "Œuvre",
        "Là-bas",
        "東京",
        "",
    ],
)
def test_what_is_right_stays(name: str) -> None:
    assert repair([name], latin=True) == [name]


def test_a_setting_decides_where_the_text_does_not() -> None:
    shalom = "שלום".encode("cp1255")
    assert decode(shalom, prefer="cp1255") == "שלום"
    assert decode("Gdańsk".encode("cp1250")) == "Gdañsk"  # also plausible without knowing the city
    assert decode("Gdańsk".encode("cp1250"), prefer="cp1250") == "Gdańsk"
    assert decode("Аквариум".encode("cp1251"), prefer="cp1252") == "Аквариум"


@pytest.mark.parametrize(
    "names",
    [
        ["Don’t Stop", "Journey"],
        ["We’re the Champions"],
        ["Sgt. Pepper’s Lonely Hearts Club Band"],
        ["L’amour toujours", "Gigi D’Agostino"],
        ["L’amour", "Édith Piaf"],
        ["C’est la vie"],
        ["J’ai"],
        ["Rock’n’Roll"],
        ["“Weird Al” Yankovic"],
        ["No… I Mean It"],
        ["Queen – Greatest Hits", "‘39"],
        ["10½"],
        ["½ Mensch", "Einstürzende Neubauten"],
        ["© 2001"],
        ["€"],
        ["Rock® – 72° ±1 • §5"],
        ["Love™", "n°5"],
        ["Œdipe"],
    ],
    ids=" / ".join,
)
def test_punctuation_and_symbols_of_windows(names: list[str]) -> None:
    raws = [name.encode("cp1252") for name in names]
    assert repair([raw.decode("utf-8", "surrogateescape") for raw in raws], latin=False) == names
    assert repair([raw.decode("latin-1") for raw in raws], latin=True) == names


@pytest.mark.parametrize(
    "name", ["Любэ", "Чайф", "ЛСП", "Дельфин", "Эх", "Ёж", "Юг", "Чиж & Co", "Глюк'oZa", "№1"]
)
@pytest.mark.parametrize("other", ["", "Live", "Track 01"])
def test_short_russian_names(name: str, other: str) -> None:
    raws = [text.encode("cp1251") for text in (name, other)]
    assert repair([raw.decode("utf-8", "surrogateescape") for raw in raws], latin=False) == [name, other]
    assert repair([raw.decode("latin-1") for raw in raws], latin=True) == [name, other]


@pytest.mark.parametrize(
    ("lists", "floor", "latin_floor"),
    [(HELD_OUT, 233, 223), (LOOKED_AT, 315, 308)],
    ids=["held out", "looked at"],
)
def test_most_names_of_many_languages(
    lists: dict[str, tuple[str, tuple[str, ...]]],
    floor: int,
    latin_floor: int,
    record_property: Callable[[str, object], None],
) -> None:
    """Each name alone, without the help of its file's other tags: as bytes, and declared as Latin-1."""
    raws = [(name, name.encode(encoding)) for encoding, names in lists.values() for name in names]
    raws = [(name, raw) for name, raw in raws if not name.isascii()]
    assert len(raws) > 200
    right = sum(decode(raw) == name for name, raw in raws)
    right_latin = sum(repair([raw.decode("latin-1")], latin=True) == [name] for name, raw in raws)
    record_property("names", len(raws))
    record_property("right", right)
    record_property("right of those called Latin-1", right_latin)
    assert (right >= floor, right_latin >= latin_floor) == (True, True)


@given(raw=st.binary(max_size=60), prefer=st.sampled_from(["", "cp1251", "shift_jis"]))
def test_any_bytes_become_text(raw: bytes, prefer: str) -> None:
    text = decode(raw, prefer=prefer)
    text.encode("utf-8")
    repair([raw.decode("utf-8", "surrogateescape"), raw.decode("latin-1")], latin=True, prefer=prefer)


@pytest.mark.parametrize("before", ["", "x"])
@pytest.mark.parametrize(
    ("encoding", "word"), [("cp1251", "Аквариум "), ("cp932", "愛の歌"), ("gbk", "中国的歌")]
)
def test_a_long_text_is_told_by_its_beginning(encoding: str, word: str, before: str) -> None:
    text = before + word * 1000  # cut inside a character, with or without `before`
    assert decode(text.encode(encoding)) == text


def test_a_long_text_takes_no_more_guessing_than_a_short_one() -> None:
    word = "Барабан ".encode("cp1251")
    decode(word * 2_000)
    guesses = _guess.cache_info()
    decode(word * 50_000)  # with the same beginning
    assert _guess.cache_info() == guesses._replace(hits=guesses.hits + 1)


@pytest.mark.parametrize("line", [b"\xe9\xff\n", b"\xe9\xff " * 400 + b"\n"])
def test_a_list_of_doubtful_lines_takes_bounded_guessing(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[int] = []
    oddity = text_module._oddity

    def count(text: str, encoding: str) -> float:
        scored.append(len(text))
        return oddity(text, encoding)

    monkeypatch.setattr(text_module, "_oddity", count)
    read_file(line * (300_000 // len(line)), "list.m3u")
    encodings = len(text_module._ENCODINGS)
    assert 0 < len(scored) <= 200 * encodings
    assert sum(scored) <= 11_000 * encodings


def test_a_long_list_is_told_by_its_first_lines_and_not_remembered() -> None:
    guesses = _guess.cache_info()
    found = read_file("\n".join(f"Аквариум/{at}.mp3" for at in range(2_000)).encode("cp1251"), "list.m3u")
    assert [line.location for line in found.lines] == [f"Аквариум/{at}.mp3" for at in range(2_000)]
    assert _guess.cache_info() == guesses
