"""Two real LiveStore clients on our server: `python -m bench.livestore`.

npm installs the packages of examples/livestore-todo, which takes most of the time. The clients in
tests/realtime/livestore_clients.py then edit one list, also while their sockets break, and must end with the same log.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).resolve().parents[1] / "tests" / "realtime" / "livestore_clients.py"

if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "-rs", str(CLIENTS), *sys.argv[1:]]))
