"""Private parts of other packages that the program uses: they must exist, and the packages' versions are bounded."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import allauth.account.internal.flows.login
import allauth.account.internal.stagekit
import allauth.socialaccount.internal.statekit
import nextcord.abc
import nextcord.gateway
import nextcord.http
import nextcord.state
import nextcord.voice_client
import pytest
import rest_framework_simplejwt.backends
import servestatic.middleware
import uvicorn
import uvicorn._subprocess
import uvicorn.protocols.http.h11_impl
import uvicorn.protocols.websockets.websockets_sansio_impl
import uvicorn.supervisors.multiprocess
from django.contrib.sessions.backends.base import SessionBase
from django.core.handlers.asgi import ASGIHandler
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.models.query import QuerySet, get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ("accounts", "alerts", "botrunner", "config", "database", "guilds", "library", "queue_app", "realtime",
           "sandbox", "streams")  # fmt: skip
# Documented despite their names, by Django, DRF and for named tuples.
PROMISED = {"_meta", "_default_manager", "_request", "_replace", "_make", "_fields"}


class Part(NamedTuple):
    """The names that `where` uses from a class or module, whose source must contain them."""

    package: str
    where: str
    owner: Any
    names: tuple[str, ...]


H11 = uvicorn.protocols.http.h11_impl.H11Protocol
SANSIO = uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol
PARTS = [
    Part("django", "accounts/session_store.py", SessionBase, ("_validate_session_key",)),
    Part("django", "config/handler.py", ASGIHandler, (
        "_middleware_chain", "load_middleware", "create_request", "read_body", "send_response", "get_response",
    )),
    Part("django", "realtime/db.py", DatabaseWrapper, ("close_at", "health_check_enabled")),
    Part("django", "database/sqlite3/base.py", DatabaseWrapper, (
        "_start_transaction_under_autocommit", "_commit", "_rollback", "_close", "transaction_mode",
    )),
    Part("django", "database/prepared.py", SQLCompiler, (
        "as_sql", "klass_info", "select", "annotation_col_map", "col_count", "get_converters", "apply_converters",
    )),
    Part("django", "database/prepared.py", QuerySet, ("_fetch_mode",)),
    Part("django", "database/prepared.py", get_related_populators, ("klass_info", "select", "db", "fetch_mode")),
    Part("django-allauth", "accounts/callback.py", allauth.account.internal.stagekit, (
        "clear_login", "get_pending_stage", "redirect_to_pending_stage", "unstash_login",
    )),
    Part("django-allauth", "accounts/callback.py", allauth.socialaccount.internal.statekit, (
        "STATES_SESSION_KEY", "get_states",
    )),
    Part("django-allauth", "accounts/receivers.py", allauth.account.internal.flows.login, ("record_authentication",)),
    Part("djangorestframework-simplejwt", "accounts/tokens.py", rest_framework_simplejwt.backends.TokenBackend, (
        "prepared_signing_key",
    )),
    Part("nextcord", "botrunner/bot.py, registering.py, rest.py", nextcord.Client, ("_connection", "http")),
    Part("nextcord", "botrunner/bot.py", nextcord.state.ConnectionState, ("parsers",)),
    Part("nextcord", "botrunner/mirror.py, seat.py", nextcord.abc.GuildChannel, ("_overwrites",)),
    Part("nextcord", "botrunner/rest.py", nextcord.http.RateLimit, (
        "_tracked_reset_time", "_ratelimit_ready", "_first_update", "start_reset_task", "reset_remaining", "update",
    )),
    Part("nextcord", "botrunner/rest.py", nextcord.http.HTTPClient, (
        "_make_url_rate_limit", "_make_global_rate_limit", "_set_url_rate_limit", "_global_rate_limits", "_time_offset",
    )),
    Part("nextcord", "botrunner/voice.py", nextcord.state.ConnectionState, ("_add_voice_client", "_get_voice_client")),
    Part("nextcord", "botrunner/voice.py", nextcord.VoiceClient, ("_connected", "_incr_nonce", "_player", "_state")),
    Part("nextcord", "botrunner/voice_socket.py", nextcord.voice_client.E2EEState, (
        "_encryptor", "_recognised_users", "prepare_epoch", "initialise", "can_encrypt",
    )),
    Part("nextcord", "botrunner/voice_socket.py", nextcord.gateway.DiscordVoiceWebSocket, (
        "_connection", "from_client", "received_message", "resume", "secret_key", "seq_ack",
    )),
    Part("nextcord", "botrunner/voice_socket.py", nextcord.gateway.VoiceKeepAliveHandler, ("_max_heartbeat_timeout",)),
    Part("servestatic", "config/static_files.py", servestatic.middleware.ServeStaticMiddleware, (
        "files", "autorefresh", "find_file",
    )),
    Part("uvicorn", "config/management/commands/runweb.py", uvicorn.supervisors.multiprocess, ("_subprocess",)),
    Part("uvicorn", "config/management/commands/runweb.py", uvicorn._subprocess, ("spawn",)),
    Part("uvicorn", "realtime/server.py", uvicorn.Server, ("capture_signals", "started", "should_exit")),
    Part("uvicorn", "realtime/http_bounds.py, upgrade.py", H11, (
        "_should_upgrade", "_get_upgrade", "conn", "connections", "loop", "on_response_complete", "scope",
        "send_400_response", "transport",
    )),
    Part("uvicorn", "realtime/preframed.py", SANSIO, (
        "close_sent", "conn", "handle_connect", "handle_cont", "handle_parser_exception", "handle_ping", "handle_pong",
        "handle_text", "handshake_complete", "handshake_initiated", "scope", "transport", "writable",
    )),
]  # fmt: skip


def source_of(owner: Any) -> str:
    """Return the source of a module or function, or of a class and its bases."""
    if not inspect.isclass(owner):
        return inspect.getsource(owner)
    kinds = [kind for kind in owner.__mro__ if kind.__module__ not in {"builtins", "typing", "abc"}]
    return "".join(map(inspect.getsource, kinds))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.owner.__name__} for {part.where}")
def test_what_is_relied_on_is_there(part: Part) -> None:
    source = source_of(part.owner)
    for name in part.names:
        assert re.search(rf"\b{name}\b", source), (
            f"{part.where} relies on `{name}` of {part.owner.__name__}, which {part.package}"
            f" {version(part.package)} does not have: read what took its place before you raise the bound."
        )


@pytest.mark.parametrize("package", sorted({part.package for part in PARTS}))
def test_its_package_is_bounded_below_the_next_minor_version(package: str) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = next(each.specifier for each in map(Requirement, declared) if each.name == package)
    installed = Version(version(package))
    following = f"{installed.major}.{installed.minor + 1}"
    assert version(package) in bounds
    assert following not in bounds, (
        f"The program relies on private parts of {package} {installed}: pyproject.toml must exclude {following}."
    )


def test_nothing_private_is_used_that_is_not_named_here() -> None:
    named = {name for part in PARTS for name in part.names}
    unnamed = {(place, name) for place, name in private_names() if name not in named | PROMISED}
    assert not unnamed, "Name these in PARTS, or do without them."


def private_names() -> Iterator[tuple[str, str]]:
    """Yield `(place, name)` for each private name, or name in a private module, that the program uses from others."""
    for app in PROGRAM:
        for path in (ROOT / app).rglob("*.py"):
            file, nodes = path.relative_to(ROOT), list(ast.walk(ast.parse(path.read_text())))
            fields = (node.target for node in nodes if isinstance(node, ast.AnnAssign))
            own = {field.id for field in fields if isinstance(field, ast.Name)}  # of a class of this file
            own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
            for node in nodes:
                place = f"{file}:{getattr(node, 'lineno', 0)}"
                if isinstance(node, ast.Attribute) and not of_itself(node.value):
                    yield from ((place, name) for name in [node.attr] if is_private(name) and name not in own)
                elif isinstance(node, ast.ImportFrom):
                    inner = is_private(node.module or "") or ".internal" in (node.module or "")
                    yield from ((place, each.name) for each in node.names if inner or is_private(each.name))


def is_private(name: str) -> bool:
    return bool(re.search(r"(^|\.)_[a-z]", name))


def of_itself(value: ast.expr) -> bool:
    """Whether the attribute belongs to `self`, `cls` or `super()`."""
    named = value.func if isinstance(value, ast.Call) else value
    return isinstance(named, ast.Name) and named.id in {"self", "cls", "super"}
