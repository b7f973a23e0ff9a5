"""Requests that are sent again or at the same moment, as a browser sends them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.domain.sessions import REPLAY_SECONDS
from accounts.encryption import decrypt
from accounts.models import OneTimeStep

COOKIE = django_settings.SESSION_COOKIE_NAME
EXCHANGE = "/api/auth/discord/exchange"


def get(url: str, path: str, cookie: str = "") -> httpx.Response:
    return httpx.get(f"{url}{path}", cookies={COOKIE: cookie} if cookie else {}, timeout=30)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(act) for act in acts]]


def with_cookie(cookie: str) -> Client:
    browser = Client()
    browser.cookies[COOKIE] = cookie
    return browser


def let_the_replay_pass() -> None:
    OneTimeStep.objects.update(answered_at=timezone.now() - timedelta(seconds=REPLAY_SECONDS + 1))


def rows_with_tokens() -> list[OneTimeStep]:
    """Return the rows that store the tokens Discord gave for a code."""
    return [row for row in OneTimeStep.objects.exclude(answer="") if "access_token" in decrypt(row.answer)]
