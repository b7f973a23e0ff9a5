"""The cost of authentication: `python -m bench.auth [--tokens 5000] [--requests 300]`.

It measures, on SQLite and in this process:

- token verifications a second: `accounts.tokens.read_access`, which checks signature and claims without the database.
  Reference: PyJWT's signature check alone;
- the same with the session's row read, as REST and sockets do;
- what each way to authenticate adds to a REST request: queries, and milliseconds through the whole stack. Reference:
  `/healthz`, which needs no authentication.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

from bench.load.requests import WARM_UP, measure_requests, program


def measure_verifications(token: str, count: int) -> None:
    import jwt
    from django.conf import settings

    from accounts.domain.sessions import authenticate_access
    from accounts.tokens import read_access

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


def measure_ways(token: str, count: int) -> None:
    from django.test import Client

    from accounts.models import User

    address = "127.0.0.1"
    bearer = Client(SERVER_NAME=address, headers={"Authorization": f"Bearer {token}"})
    refused = Client(SERVER_NAME=address, headers={"Authorization": "Bearer x"})
    browser = Client(SERVER_NAME=address)
    browser.force_login(User.objects.get(username="bench"))
    browser.post("/api/auth/token")  # gives the browser its session
    costs = measure_requests(
        {
            "/healthz, nobody asked": partial(Client(SERVER_NAME=address).get, "/healthz"),
            "/api/auth/me, bearer": partial(bearer.get, "/api/auth/me"),
            "/api/auth/me, cookie": partial(browser.get, "/api/auth/me"),
            "/api/auth/me, refused": partial(refused.get, "/api/auth/me"),
        },
        count,
    )
    reference = next(iter(costs.values())).median_ms
    for way, cost in costs.items():
        print(f"{way:<24} {cost}   over the reference {cost.median_ms - reference:+6.2f} ms")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=5000)
    parser.add_argument("--requests", type=int, default=300)
    options = parser.parse_args(argv)
    with program() as token:
        measure_verifications(token, options.tokens)
        measure_ways(token, options.requests)


if __name__ == "__main__":
    main()
