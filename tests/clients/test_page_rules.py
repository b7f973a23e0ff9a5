"""Rules for every page: a strict CSP, no third-party resources, no data as HTML, and readable colors."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOREIGN = {".venv", "sandbox", "var"}


def of_ours(pattern: str) -> list[Path]:
    """Return the files of the pages, in the apps and at the root."""
    return sorted(path for path in ROOT.glob(pattern) if path.relative_to(ROOT).parts[0] not in FOREIGN)


TEMPLATES = of_ours("**/templates/**/*.html")
SCRIPTS = [*of_ours("*/static/**/*.js"), *of_ours("static/backline/**/*.js"), *of_ours("clients/js/src/*.js")]
SHEETS = [*of_ours("*/static/**/*.css"), *of_ours("static/backline/**/*.css")]
TOKENS = ROOT / "static/backline/css/tokens.css"
SPRITE = ROOT / "static/vendor/lucide/sprite.svg"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_template_has_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)", text), "an inline script"
    assert not re.search(r"<style|\sstyle=", text), "an inline style"
    assert not re.search(r"\son[a-z]+=", text), "an inline event handler"


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS, *SHEETS], ids=name_of)
def test_page_loads_nothing_from_elsewhere(path: Path) -> None:
    addresses = re.findall(
        r"""(?:src|href|url|import|from)[=(\s]*["'](?:https?:)?//[^"']+""", path.read_text()
    )
    assert addresses == []


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_script_never_parses_data_as_html(path: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text())


def test_every_icon_used_is_in_the_sprite() -> None:
    present = set(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text()))
    used = {
        name
        for path in TEMPLATES
        for name in re.findall(r'icon\.html" with name="([^"]+)"', path.read_text())
    }
    for path in SCRIPTS:
        for call in re.findall(r"\bicon\(([^)]+)\)", path.read_text()):
            used |= set(re.findall(r'"([a-z0-9-]+)"', call))
        used |= set(re.findall(r'\bicon: "([a-z0-9-]+)"', path.read_text()))
    assert used
    assert used <= present


def test_every_element_a_script_asks_for_is_in_a_template() -> None:
    present = {name for path in TEMPLATES for name in re.findall(r'\bid="([a-z-]+)"', path.read_text())}
    used = {name for path in SCRIPTS for name in re.findall(r'byId\("([^"]+)"\)', path.read_text())}
    assert used
    assert used <= present


def luminance(color: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2)."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def read_tokens() -> dict[str, tuple[str, str]]:
    """Return colors by token name: `(light, dark)`."""
    found = re.findall(r"--([a-z-]+): light-dark\((#\w{6}), (#\w{6})\)", TOKENS.read_text())
    return {name: (light, dark) for name, light, dark in found}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [*product(["text", "dim", "accent", "bad"], ["bg", "panel", "raise"]), ("accent-ink", "accent-fill")],
)
def test_text_can_be_read(ink: str, ground: str, theme: int) -> None:
    tokens = read_tokens()
    shades = sorted(luminance(tokens[name][theme]) for name in (ink, ground))
    assert (shades[1] + 0.05) / (shades[0] + 0.05) >= 4.5, f"{ink} on {ground}: WCAG AA wants 4.5"
