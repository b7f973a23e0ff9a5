"""Two real LiveStore clients on our server: `python -m bench.livestore`.

npm installs the packages of examples/livestore-todo, which takes most of the time. The clients in
tests/realtime/livestore_clients.py then edit one list, also while their sockets break, and must end with the same log.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).resolve().parents[1] / "tests" / "realtime" / "livestore_clients.py"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Other arguments are passed to pytest.")
    _, others = parser.parse_known_args(argv)
    sys.exit(pytest.main(["-q", "-rs", str(CLIENTS), *others]))


if __name__ == "__main__":
    main()
