"""The libraries, and how each is installed into its own folder."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "var" / "clients"
PROGRAMS = Path(__file__).parent / "programs"
FETCH_SECONDS = 300
NODE = (22, 12)  # the version that @discordjs/voice needs


class Unavailable(Exception):
    """A library cannot be installed here. The message says why."""


@dataclass(frozen=True)
class Library:
    """A library. `packages` are requirements for its package manager."""

    name: str
    program: str
    packages: tuple[str, ...]
    voice: bool = True

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def uses_node(self) -> bool:
        return self.program.endswith(".mjs")

    def fetch(self) -> None:
        """Install the packages into the folder, unless they already are. Raises: Unavailable."""
        mark, wanted = self.folder / "fetched", "\n".join(self.packages)
        if mark.exists() and mark.read_text() == wanted:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.uses_node:
            self._npm()
        else:
            uv = _uv()
            _run([uv, "venv", "--quiet", "--python", sys.executable, str(self.folder)], what=self.name)
            python = str(self.folder / "bin" / "python")
            _run([uv, "pip", "install", "--quiet", "--python", python, *self.packages], what=self.name)
        mark.write_text(wanted)

    def command(self) -> list[str]:
        """Return the command that runs its bot. A Node program is copied beside its packages, where Node finds them."""
        program = PROGRAMS / self.program
        if not self.uses_node:
            return [str(self.folder / "bin" / "python"), "-I", str(program)]
        return [_node(self.folder), str(shutil.copy(program, self.folder))]

    def version(self) -> str:
        if self.uses_node:
            package = self.folder / "node_modules" / self.name / "package.json"
            found = re.search(r'"version": "([^"]+)"', package.read_text())
            return found.group(1) if found else "?"
        name = re.sub(r"[-.]", "_", self.name)
        folders = self.folder.glob(f"lib/python*/site-packages/{name}-*.dist-info")
        return next((each.name.removesuffix(".dist-info").rpartition("-")[2] for each in folders), "?")

    def _npm(self) -> None:
        if shutil.which("npm") is None:
            raise Unavailable("npm is not installed")
        self.folder.mkdir(parents=True)
        (self.folder / "package.json").write_text('{"private": true}')
        own_node = [] if _is_new_enough("node") else [f"node@{NODE[0]}"]
        npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--fetch-retries", "1"]
        _run([*npm, "--prefix", str(self.folder), *self.packages, *own_node], what=self.name)


LIBRARIES = (
    Library("discord.py", "discordpy.py", ("discord.py[voice,speed]==2.7.*",)),
    Library("py-cord", "pycord.py", ("py-cord[voice,speed]==2.8.*",)),
    Library("hikari", "hikari_bot.py", ("hikari[speedups]==2.7.*",), voice=False),
    Library("discord.js", "discordjs.mjs", ("discord.js@14", "@discordjs/voice@0.19", "@snazzah/davey@0.1")),
)


def _run(command: list[str], *, what: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"fetching {what} took more than {FETCH_SECONDS} s") from None
    if done.returncode:
        words = " ".join((done.stderr or done.stdout or "no word why").split())
        raise Unavailable(f"{what} could not be fetched: {words[:300]}")


def _uv() -> str:
    """Return the `uv` that scripts/setup uses: the one in .uv/, or else the installed one."""
    own = ROOT / ".uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise Unavailable("uv is not installed")
    return found


def _node(folder: Path) -> str:
    own = folder / "node_modules" / "node" / "bin" / "node"
    return str(own) if own.exists() else "node"


@functools.cache
def _is_new_enough(node: str) -> bool:
    if shutil.which(node) is None:
        return False
    output = subprocess.run(
        [node, "--version"], capture_output=True, text=True, timeout=20, check=False
    ).stdout
    found = re.match(r"v(\d+)\.(\d+)", output)
    return found is not None and (int(found[1]), int(found[2])) >= NODE
