"""The width and height of pictures, which Discord adds to attachments."""

from sandbox.model import Json

_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def size_of_image(content: bytes) -> Json:
    """Return `{"width": …, "height": …}` of a PNG, GIF or JPEG file. Returns `{}` for other files."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) >= 24:
        width, height = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    elif content.startswith(b"GIF8") and len(content) >= 10:
        width, height = int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    elif content.startswith(b"\xff\xd8"):
        width, height = _size_of_jpeg(content)
    else:
        return {}
    return {"width": width, "height": height} if width and height else {}


def _size_of_jpeg(content: bytes) -> tuple[int, int]:
    """Return width and height from the first frame header (ITU-T T.81, B.2.2), (0, 0) if there is none."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _JPEG_FRAMES:
            return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return 0, 0
