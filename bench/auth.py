"""What authentication costs: `python -m bench.auth [--tokens 5000] [--requests 300]`.

Token verifications a second (`accounts.tokens.read_access`: signature and every claim, without the database),
the same with the session looked up as REST and sockets do, and what each way of authenticating adds to a REST
request: queries, and milliseconds through the program's whole stack in this process, on SQLite. Reference:
`/healthz`, which asks nobody who they are, in the same run; a bare signature check of PyJWT for verifications.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

WARM_UP = 20


def measure_verifications(count: int) -> None:
    import jwt
    from django.conf import settings

    from accounts.domain.sessions import authenticate_access, begin_session
    from accounts.models import User
    from accounts.tokens import issue_access, read_access

    user, _ = User.objects.get_or_create(discord_id="200000000000000001", defaults={"username": "bench"})
    token, _ = issue_access(begin_session(user, device="bench", address=None))

    def rate(verify: Callable[[], object]) -> float:
        for _ in range(WARM_UP):
            verify()
        begun = time.perf_counter()
        for _ in range(count):
            verify()
        return count / (time.perf_counter() - begun)

    ours = rate(lambda: read_access(token))
    bare = rate(
        lambda: jwt.decode(token, settings.JWT_SECRET, algorithms=["HS256"], options={"verify_aud": False})
    )
    print(f"access tokens verified: {ours:8.0f} /s   (reference: PyJWT alone {bare:8.0f} /s)")
    with_session = rate(lambda: authenticate_access(token))
    print(
        f"with the session's row: {with_session:8.0f} /s   that is {1000 / with_session:.2f} ms and 1 query a request"
    )


def measure_requests(count: int) -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    browser = Client(SERVER_NAME="127.0.0.1")
    browser.force_login(User.objects.get(username="bench"))
    access = browser.post("/api/auth/token").json()["access"]
    bearer = {"Authorization": f"Bearer {access}"}
    ways: dict[str, tuple[Client, str, dict[str, Any]]] = {
        "/healthz, nobody asked": (Client(SERVER_NAME="127.0.0.1"), "/healthz", {}),
        "/api/auth/me, bearer": (Client(SERVER_NAME="127.0.0.1"), "/api/auth/me", {"headers": bearer}),
        "/api/auth/me, cookie": (browser, "/api/auth/me", {}),
        "/api/auth/me, refused": (
            Client(SERVER_NAME="127.0.0.1"),
            "/api/auth/me",
            {"headers": {"Authorization": "Bearer x"}},
        ),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    queries: dict[str, int] = {}
    for way, (client, path, options) in ways.items():
        for _ in range(WARM_UP):
            client.get(path, **options)
        with CaptureQueriesContext(connection) as captured:
            client.get(path, **options)
        queries[way] = len(captured)
    for _ in range(count):  # in turns, so that a slow moment of the machine strikes all of them
        for way, (client, path, options) in ways.items():
            begun = time.perf_counter()
            client.get(path, **options)
            times[way].append((time.perf_counter() - begun) * 1000)
    reference = statistics.median(next(iter(times.values())))
    for way, values in times.items():
        values.sort()
        median, p99 = statistics.median(values), values[int(len(values) * 0.99) - 1]
        print(
            f"{way:<24} {queries[way]} queries   median {median:6.2f} ms   p99 {p99:6.2f} ms"
            f"   over the reference {median - reference:+6.2f} ms"
        )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=5000)
    parser.add_argument("--requests", type=int, default=300)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("DATABASE_URL", "REDIS_URL", "ENVIRONMENT"):
            os.environ.pop(name, None)
        os.environ |= {
            "DATA_DIR": folder,
            "ENV_FILE": os.devnull,
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        measure_verifications(options.tokens)
        measure_requests(options.requests)


if __name__ == "__main__":
    main()
