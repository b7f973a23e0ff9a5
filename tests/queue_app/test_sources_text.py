from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_app.sources.text import decode, repair

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
    assert decode("Gdańsk".encode("cp1250")) == "Gdañsk"  # as good a name, to who knows no place
    assert decode("Gdańsk".encode("cp1250"), prefer="cp1250") == "Gdańsk"
    assert decode("Аквариум".encode("cp1251"), prefer="cp1252") == "Аквариум"


@given(raw=st.binary(max_size=60), prefer=st.sampled_from(["", "cp1251", "shift_jis"]))
def test_any_bytes_become_text(raw: bytes, prefer: str) -> None:
    text = decode(raw, prefer=prefer)
    text.encode("utf-8")
    repair([raw.decode("utf-8", "surrogateescape"), raw.decode("latin-1")], latin=True, prefer=prefer)
