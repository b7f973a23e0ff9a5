"""Text of unknown encoding: tags, file names, headers.

Packages for this use statistics over bytes, but names are too short for that. A wrong guess can be seen: letters that
no language puts side by side, capitals inside words, symbols between letters. So each encoding is tried, and the one
whose text looks least odd is used.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice, pairwise

# Letters beyond ASCII, language by language.
_WESTERN = (
    "äöüß",  # German
    "àâæçéèêëîïôœùûüÿ",  # French
    "áéíñóúü",  # Spanish
    "áâãàçéêíóôõúü",  # Portuguese
    "àèéìíòóù",  # Italian
    "åäöéæøü",  # Scandinavian, Finnish
    "áðéíóúýþæö",  # Icelandic
)
_CENTRAL = (
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîşţ",  # Romanian
    "čćđšž",  # Croatian, Slovenian
)
_RUSSIAN = ("абвгдежзийклмнопрстуфхцчшщъыьэюяё",)
_CYRILLIC = (*_RUSSIAN, "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", "абвгдђежзијклљмнњопрстћуфхцчџш")
_GREEK = ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",)
# Cyrillic and Greek letters that make up most of any text, and letters that are rare.
_FREQUENT = frozenset("оеаинтсрвлкмдпуяαοιετσνηυρπκμλςάίόέ")
_RARE = frozenset("ъђћџљњґєξψζφϊϋΐΰ")
# Frequent characters. A text in the wrong encoding of its script has hardly any of these.
_HAN = frozenset(
    "的一是不我了在人有你爱愛心情天歌生日夜月风風花雪雨夢梦想中国國大小上下来來去时時间間年好无無世界海山水火光星空"
    "回家路东東南西北春夏秋冬青红紅白黑女子男母父少老王张張李陈陳林周曲乐樂音声聲美后過过到"
    "愛君恋涙桜旅道街声東京物語僕私千本影輝未来永遠約束笑顔翼鳥色彩森川島野田村何度今手言思出会前自分"
    "這这他們们個个为為和地得就以說说要那着也能可多然学學對对成事经經还還行同样樣发發没沒如看真点點让讓没"
    "二三四五六七八九十百万萬两兩只隻第最高长長新开開门門头頭面眼身体體起走飞飛云雲气氣神龙龍马馬金"
    "远遠近深黄黃蓝藍绿綠刘劉吴吳赵趙徐孙孫朱胡郭高何罗羅梁宋郑鄭谢謝唐许許韩韓冯馮邓鄧曹彭曾"
    "記记忆憶故乡鄉里裡城市河江湖草木石明亮清香醉酒泪淚伤傷痛苦笑哭唱舞吻抱牵牽離离别別等待忘"
)
_HANGUL = frozenset(
    "이다는사랑하가의아나너를을고에도그대기지오리마시우라해보만내안서여자인어로한날밤눈비꽃별봄"
    "소년방탄단강남스타일생각처음움람늘영원운명세상친구거짓말추억노래꿈행복슬픔백첫겨울름무달태양좋은녀애정미주"
    "김박최조윤장임신권황송류전홍유성수진현민준재호석경철광선희혜숙순연은지훈동규"
    "과와들게면네던같없있것때길빛물산바다하늘구름집문손발목소리말잊않못더또다시돌부른린즈데드트크프블"
)
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]")

_ENCODINGS: dict[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "cp1251": _CYRILLIC,
    "cp1250": _CENTRAL,
    "koi8-r": _RUSSIAN,
    "cp1253": _GREEK,
    "cp866": _RUSSIAN,
    "cp1254": ("çğıiöşüâ",),  # Turkish
    "cp932": (),
    "gbk": (),
    "big5": (),
    "cp949": (),
    "euc_jp": (),
}
# By how much a less common encoding must be better.
_DOUBT = {
    "cp1252": 0.0,
    "cp1251": 0.1,
    "cp1250": 0.3,
    "cp1254": 0.25,
    "gbk": 0.6,
    "cp932": 0.6,
    "cp949": 0.7,
    "big5": 0.7,
    "euc_jp": 0.7,
    "cp1253": 0.8,
}
_OTHER_DOUBT = 0.5
_PREFERRED = 1.5
# How much is used for guessing: of each text, how many texts, and of all together. Far less is usually enough.
_GUESSED_BYTES = 1000
_GUESSED_TEXTS = 200
_GUESSED_IN_ALL = 10_000
# By how much another encoding must be better than Latin-1 letters, which may have been intended.
_MARGIN = 2.0

_PUNCTUATION = frozenset("’‘“”„–—…«»¡¿·「」『』、。・〜～！？（）：，《》【】　№")
_APOSTROPHES = frozenset("’‘")
# Symbols that occur in names alone, or next to a number or a word.
_SYMBOLS = frozenset("½¼¾©®™°±€£¥§•†‡²³µ¢¶‹›‰")
# How cp1252 shows letters of Central Europe and Russia: £ is Ł, ¹ is ą, ³ is ł, ¨ is Ё.
_ODD_AT_LETTERS = frozenset("£¥¢¼¾¹²³¨¸¯´ª×÷\xad")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
# Letter combinations that no language has, each with the letters that were meant.
_UNHEARD_OF = re.compile(
    "œ[^uieantlds]|iæ$"  # ś and ć
    "|ê[bdgkwz]"  # ę
    "|õ(?!e)|û[vzkn]|ûc(?!h)|ûs."  # ő and ű: Portuguese has õe only
    "|þ(?![aáeéiíoóuúyýöæjrv])|[aeiouöüáéíóú]þ"  # ş
    "|è[aeiouyáéíóú]|ì[^\\W\\d_]|ø[áéíóúýìèù]"  # č, ě and ř
)
_ACCENTED_VOWELS = frozenset("àáâãäåæèéêëìíîïòóôõöøùúûüýÿœ")
_GREEK_ACCENTS = frozenset("άέήίόύώΐΰ")
_WORD = re.compile(r"[^\W\d_½¼¾²³¹]+")


def decode(raw: bytes, *, prefer: str = "") -> str:
    """Decode bytes in an unknown encoding. `prefer` names the encoding to use when in doubt."""
    return _decode_all([raw], prefer, 0.0)[0]


def repair(texts: Sequence[str], *, latin: bool, prefer: str = "") -> list[str]:
    """Correct wrongly decoded texts that belong together, such as the tags of a file.

    Surrogates (`surrogateescape`) stand for bytes that are not UTF-8. With `latin`, characters up to U+00FF are also
    in doubt, because ID3 tags, headers and addresses label everything as Latin-1.
    """
    raws = [_bytes_of(text, latin=latin) for text in texts]
    doubtful = [raw for raw in raws if raw is not None]
    margin = 0.0 if any(map(_has_surrogates, texts)) else _MARGIN
    decoded = iter(_decode_all(doubtful, prefer, margin))
    return [text if raw is None else next(decoded) for text, raw in zip(texts, raws, strict=True)]


def _has_surrogates(text: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in text)


def _bytes_of(text: str, *, latin: bool) -> bytes | None:
    """Return the bytes that a text was decoded from, None if its encoding is not in doubt."""
    if _has_surrogates(text):
        return text.encode("utf-8", "surrogateescape")
    if latin and not text.isascii() and max(text) <= "\xff":
        return text.encode("latin-1")
    return None


def _decode_all(raws: Sequence[bytes], prefer: str, margin: float) -> list[str]:
    known = [_is_utf_8(raw) for raw in raws]
    sample = _sample(raw for raw, is_known in zip(raws, known, strict=True) if not is_known)
    # Few bytes are worth keeping: the names in a folder or of an album repeat. Strangers' files do not.
    guess = _guess if sum(map(len, sample)) <= _GUESSED_BYTES else _guess.__wrapped__
    encoding = guess(sample, prefer, margin) if sample else ""
    return [
        _decoded(raw, "utf-8" if is_known else encoding) for raw, is_known in zip(raws, known, strict=True)
    ]


def _sample(raws: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the beginnings of the first texts, which tell the encoding of all."""
    left, sample = _GUESSED_IN_ALL, list[bytes]()
    for raw in islice(raws, _GUESSED_TEXTS):
        sample.append(raw[:_GUESSED_BYTES])
        left -= len(sample[-1])
        if left <= 0:
            break
    return tuple(sample)


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(raw: bytes, encoding: str) -> str:
    # Five bytes are undefined in cp1252. In Latin-1 they are invisible control characters.
    return raw.decode(encoding, "replace").replace("\ufffd", " ")


@lru_cache(maxsize=1024)
def _guess(raws: tuple[bytes, ...], prefer: str, margin: float) -> str:
    """Return the encoding whose texts look least odd: cp1252, unless another is better by `margin`."""
    best, least = "cp1252", math.inf
    for encoding in dict.fromkeys([*_ENCODINGS, *filter(None, [prefer])]):
        try:
            texts = [_beginning(raw, encoding) for raw in raws]
        except (UnicodeDecodeError, LookupError):
            continue
        oddity = _DOUBT.get(encoding, _OTHER_DOUBT) + (margin if encoding != "cp1252" else 0.0)
        oddity -= _PREFERRED if encoding == prefer else 0.0
        oddity += sum(_oddity(text, encoding) for text in texts)
        if oddity < least:
            best, least = encoding, oddity
    return best


def _beginning(raw: bytes, encoding: str) -> str:
    """Decode bytes that may end inside a character. Raises UnicodeDecodeError, LookupError."""
    if len(raw) < _GUESSED_BYTES:
        return raw.decode(encoding)
    return codecs.getincrementaldecoder(encoding)().decode(raw)


def _oddity(text: str, encoding: str) -> float:
    words = _WORD.findall(text)
    odd = sum(_oddity_of_word(word, encoding) for word in words)
    odd += sum(
        _oddity_of_symbol(text, at) for at, char in enumerate(text) if char > "\x7f" and not char.isalpha()
    )
    if alphabets := _ENCODINGS.get(encoding, ()):  # one language should have all the letters
        strange = {
            char for word in words for char in word.lower() if char > "\x7f" and _script(char) != "CJK"
        }
        foreign = min(len(strange.difference(alphabet)) for alphabet in alphabets)
        odd += 1.5 * foreign
        if (
            len(strange) > 1
            and "Latin" in map(_script, strange)
            and not any(c.isascii() for c in chain(*words))
        ):
            odd += 1.0 if foreign else 0.5  # it has no ASCII letter
    latin = any(char.isascii() for word in words if len(word) > 1 for char in word)
    alone = sum(len(word) == 1 and word > "\xff" and _script(word) != "CJK" for word in words)
    return odd + (alone if latin else 0)


def _oddity_of_word(word: str, encoding: str) -> float:
    odd = sum(_oddity_of_letter(char, encoding) for char in word)
    if word.isascii():
        return odd
    for left, right in pairwise(word):
        scripts = {_script(left), _script(right)}
        if len(scripts) > 1:
            odd += 3.0
        elif left.islower() and right.isupper() and not (left.isascii() and right.isascii()):
            odd += 2.0
        elif _are_accented(left, right):
            odd += 1.0  # two accented vowels, or two accented consonants, are rarely side by side
    if len(word) > 2 and word[:2].isupper() and word[-1].islower():
        odd += 1.5
    if len(word) > 3 and word[0].islower() and word[1:].isupper():
        odd += 2.0
    if len(word) > 2 and all("\x7f" < char < "\u0250" for char in word):
        odd += 1.0
    if len(word) > 1:
        odd += 2.5 * len(_UNHEARD_OF.findall(word.lower()))
    if _script(word[0]) == "Greek":
        odd += _oddity_of_greek(word)
    return odd + _oddity_of_sounds(word)


def _are_accented(left: str, right: str) -> bool:
    """Return whether both are accented vowels, or both are accented consonants."""
    if not "\x7f" < min(left, right) <= max(left, right) < "\u0250":
        return False
    return (left.lower() in _ACCENTED_VOWELS) == (right.lower() in _ACCENTED_VOWELS)


def _oddity_of_letter(char: str, encoding: str) -> float:
    match _script(char):
        case "CJK":
            return _oddity_of_ideograph(char, encoding)
        case "Cyrillic" | "Greek":
            lower = char.lower()
            return 0.05 if lower in _FREQUENT else 0.8 if lower in _RARE else 0.25
        case "other":
            return 0.3
    return 0.0


@lru_cache(maxsize=4096)
def _oddity_of_ideograph(char: str, encoding: str) -> float:
    """Rate a CJK character. The national standards have the common characters first and the rarer ones after them."""
    if _HALF_WIDTH.match(char):
        return 1.5
    if _KANA.match(char) or char in _HAN or char in _HANGUL:
        return 0.1
    raw = char.encode(encoding, "replace")
    first, common = raw[0], False
    match encoding:
        case "gbk":
            common = 0xB0 <= first <= 0xD7 and raw[-1] >= 0xA1
        case "cp932":
            common = 0x88 <= first <= 0x97
        case "euc_jp":
            common = 0xB0 <= first <= 0xCF
        case "big5":
            common = 0xA4 <= first <= 0xC6
        case "cp949":
            common = 0xB0 <= first <= 0xC8 and raw[-1] >= 0xA1
    return 0.4 if common else 1.0


def _oddity_of_greek(word: str) -> float:
    """Rate a Greek word. It has one accent, unless it is short or in capitals, and ends in a vowel, ν, ρ or ς."""
    lower, odd = word.lower(), 0.0
    accents = sum(char in _GREEK_ACCENTS for char in lower)
    if accents != 1 and not word.isupper() and len(word) > 3:
        odd += 0.7 if accents == 0 else 2.5
    if len(word) > 2 and lower[-1] not in "αεηιουωάέήίόύώϊϋνρς" and not word.isupper():
        odd += 1.5
    return odd + 2.5 * lower[:-1].count("ς")


def _oddity_of_sounds(word: str) -> float:
    """Rate a Cyrillic or Greek word by how vowels and consonants alternate. In abbreviations they need not."""
    if len(word) < 3 or _script(word[0]) not in {"Cyrillic", "Greek"}:
        return 0.0
    lower = word.lower()
    runs = re.findall("[аеёиоуыэюяіїєαεηιουωάέήίόύώ]+|[^аеёиоуыэюяіїєαεηιουωάέήίόύώ]+", lower)
    odd = sum(0.7 * max(0, len(run) - 3) for run in runs) + (1.0 if len(runs) == 1 else 0.0)
    if len(word) <= 4 and word.isupper() and not set(lower) & set("ьъы"):
        odd = min(odd, 0.3)
    return odd + (2.0 if lower[0] in "ьъы" else 0.0)


def _oddity_of_symbol(text: str, at: int) -> float:
    char, before, behind = text[at], text[at - 1 : at], text[at + 1 : at + 2]
    if char < "\xa0" or "\u2500" <= char < "\u2600" or unicodedata.category(char) in {"Co", "Cn"}:
        return 5.0  # a control, box-drawing, private or unassigned character
    at_letter, between = before.isalpha() or behind.isalpha(), before.isalpha() and behind.isalpha()
    if char in _APOSTROPHES:
        return 0.1
    if char in "¿¡":
        return 0.1 if not before.isalpha() and {"¿": "?", "¡": "!"}[char] in text[at:] else 3.0
    if char in _ODD_AT_LETTERS and (at_letter or (char in "¹²³" and behind.isdigit())):
        return 3.0
    if char in _PUNCTUATION:
        return 0.8 if between and not (char in "·～" and _script(before) in {"CJK", "Latin"}) else 0.1
    if char in _SYMBOLS:
        return 1.5 if between else 0.3
    return 3.0 if between else 1.5


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    if char < "\u0250":
        return "Latin"
    if char < "\u0370":
        return "other"
    if char < "\u0400":
        return "Greek"
    if char < "\u0530":
        return "Cyrillic"
    if (
        "\u1100" <= char < "\u1200"
        or "\u2e80" <= char < "\ud7b0"
        or "\uf900" <= char < "\ufb00"
        or char > "\uff00"
    ):
        return "CJK"
    return "other"
