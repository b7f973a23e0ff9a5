"""The measurements of bench/ take minutes, so here each only has to start."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
MEASUREMENTS = sorted(
    [path.stem for path in BENCH.glob("[a-z]*.py")]
    + [f"{path.parent.name}.__main__" for path in BENCH.glob("[a-z]*/__main__.py")]
)
PARTS = sorted(path.stem for path in (BENCH / "load").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_says_how_it_is_used(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        importlib.import_module(f"bench.{name}").main(["--help"])
    assert capsys.readouterr().out.startswith("usage: ")


@pytest.mark.parametrize("name", PARTS)
def test_the_parts_of_measurements_can_be_imported(name: str) -> None:
    importlib.import_module(f"bench.load.{name}")
