"""Tokens that expire, are renewed, or are revoked while a socket is open."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from pytest_django import Settings

from accounts.domain.sessions import begin_sync_session, revoke_session
from accounts.errors import TokenInvalid
from accounts.models import AuthSession, User
from realtime.consumers import connection
from realtime.handshake import authenticate_scope
from realtime.models import Event
from tests.factories import SessionFactory
from tests.realtime.conftest import Member, make_member
from tests.realtime.frames import pause
from tests.server import Server, Socket

pytestmark = pytest.mark.django_db(transaction=True)


def renew(socket: Socket, token: Any) -> dict[str, Any]:
    return socket.ask({"type": "auth", "id": "auth", "authToken": token})


def expires_at_ms(token: str) -> int:
    return int(jwt.decode(token, options={"verify_signature": False})["exp"]) * 1000


def test_auth_renews_and_tells_until_when(server: Server, member: Member) -> None:
    later = member.token_expiring(600)
    with member.open(server, member.token_expiring(300)) as socket:
        authed = renew(socket, later)
        assert (authed["type"], authed["id"]) == ("authed", "auth")
        assert authed["expiresAt"] == expires_at_ms(later)


def test_another_session_of_the_same_person_may_renew(server: Server, member: Member) -> None:
    other = Member(member.user, SessionFactory.create(user=member.user), member.guild)
    with member.open(server) as socket:
        assert renew(socket, other.token)["type"] == "authed"
        revoke_session(member.session)
        assert pause(socket)["type"] == "ack"
        with pytest.raises(TimeoutError):
            socket.receive(seconds=1.2)  # two polls for ended sessions


@pytest.mark.parametrize("how", ["auth", "init"])
def test_another_persons_token_closes_4403(how: str, server: Server, member: Member) -> None:
    stranger = make_member(member.guild)
    with member.open(server) as socket:
        answer = (
            renew(socket, stranger.token) if how == "auth" else socket.init(member.instance, stranger.token)
        )
        assert answer["code"] == "FORBIDDEN"
        assert socket.close_code() == 4403


def test_init_with_a_token_of_another_user_than_the_handshakes_closes_4403(
    server: Server, member: Member
) -> None:
    stranger = make_member(member.guild)
    with server.connect(additional_headers={"Authorization": f"Bearer {member.token}"}) as socket:
        assert socket.init(member.instance, stranger.token)["code"] == "FORBIDDEN"
        assert socket.close_code() == 4403


@pytest.mark.parametrize(("token", "code"), [("nonsense", 4401), (None, 4400), (5, 4400)])
def test_a_renewal_that_is_no_token_closes(token: Any, code: int, server: Server, member: Member) -> None:
    with member.open(server) as socket:
        assert renew(socket, token)["type"] == "error"
        assert socket.close_code() == code


def test_a_token_about_to_expire_is_noticed_after_ready(server: Server, member: Member) -> None:
    token = member.token_expiring(30)
    with member.open(server, token) as socket:
        notice = socket.receive()
        assert (notice["type"], notice["code"]) == ("notice", "TOKEN_EXPIRING")
        assert notice["expiresAt"] == expires_at_ms(token)


def test_a_token_with_time_left_is_noticed_sixty_seconds_before(server: Server, member: Member) -> None:
    with member.open(server, member.token_expiring(64)) as socket:
        with pytest.raises(TimeoutError):
            socket.receive(seconds=0.3)
        assert socket.receive(seconds=8)["code"] == "TOKEN_EXPIRING"


def test_a_renewal_puts_the_notice_off(server: Server, member: Member) -> None:
    with member.open(server, member.token_expiring(63)) as socket:
        assert renew(socket, member.token)["type"] == "authed"
        with pytest.raises(TimeoutError):
            socket.receive(seconds=4)


@pytest.mark.parametrize("how", ["handshake", "init"])
def test_a_token_in_grace_may_read_and_is_warned(how: str, server: Server, member: Member) -> None:
    token = member.token_expiring(-60)
    headers = {"Authorization": f"Bearer {token}"} if how == "handshake" else {}
    with server.connect(additional_headers=headers) as socket:
        ready = socket.init(member.instance, None if headers else token)
        assert (ready["type"], ready["auth"]) == ("ready", "grace")
        assert ready["warning"]["code"] == "TOKEN_IN_GRACE"
        assert ready["warning"]["expiredAt"] == expires_at_ms(token)
        assert socket.ask({"type": "pull", "id": 1, "cursor": 0})["type"] == "end"


def test_in_grace_a_command_waits_for_auth(server: Server, member: Member) -> None:
    with member.open(server, member.token_expiring(-60)) as socket:
        assert pause(socket)["code"] == "TOKEN_EXPIRED"
        assert Event.objects.count() == 0
        assert renew(socket, member.token)["type"] == "authed"
        assert pause(socket)["type"] == "ack"


def test_the_leeway_is_not_the_grace_yet(server: Server, member: Member) -> None:
    with member.open(server, member.token_expiring(-3)) as socket:
        frame = pause(socket)
        if frame["type"] == "notice":  # it comes separately, before or after
            frame = socket.receive()
        assert frame["type"] == "ack"


def test_beyond_the_grace_init_is_refused(server: Server, member: Member, settings: Settings) -> None:
    settings.SYNC_GRACE_SECONDS = 30
    with server.connect() as socket:
        assert socket.init(member.instance, member.token_expiring(-60))["code"] == "TOKEN_EXPIRED"
        assert socket.close_code() == 4401


def test_a_grace_that_runs_out_closes_4401(server: Server, member: Member, settings: Settings) -> None:
    settings.SYNC_GRACE_SECONDS = 20
    with member.open(server, member.token_expiring(-27)) as socket:
        assert socket.receive()["code"] == "TOKEN_EXPIRED"
        assert socket.close_code() == 4401


@pytest.mark.parametrize(
    ("how", "code"),
    [("revoked", "SESSION_REVOKED"), ("deactivated", "USER_NOT_FOUND"), ("deleted", "USER_NOT_FOUND")],
)
def test_an_ended_session_closes_its_sockets(how: str, code: str, server: Server, member: Member) -> None:
    bystander = make_member(member.guild)
    with member.open(server) as one, member.open(server) as two, bystander.open(server) as other:
        two.ask({"type": "pull", "id": 1, "cursor": 0, "live": True})
        if how == "revoked":
            # Without `revoke_session`: a change by another process must be noticed without a hint.
            AuthSession.objects.filter(pk=member.session.pk).update(revoked_at="2026-01-01T00:00Z")
        elif how == "deactivated":
            User.objects.filter(pk=member.user.pk).update(is_active=False)
        else:
            member.user.delete()
        for socket in (one, two):
            assert socket.receive()["code"] == code
            assert socket.close_code() == 4401
        assert other.ask({"type": "ping", "id": 1})["type"] == "pong"


# --- Sync tokens ---


def sync_token(member: Member, store: str | None = None) -> str:
    return begin_sync_session(member.user, store=store or member.instance, device="", address=None)[0]


def test_a_sync_token_opens_its_store_at_the_handshake_and_by_the_first_message(
    server: Server, member: Member
) -> None:
    token = sync_token(member)
    for options, output in (({"path": f"/sync?token={token}"}, None), ({}, token)):
        with server.connect(**options) as socket:
            ready = socket.init(member.instance, output)
            assert (ready["type"], ready["auth"]) == ("ready", "valid")
            assert ready["expiresAt"] == expires_at_ms(token)
            assert pause(socket)["type"] == "ack"


@pytest.mark.parametrize("how", ["handshake", "init", "auth"])
def test_a_sync_token_opens_no_other_store(how: str, server: Server, member: Member) -> None:
    token = sync_token(member, "guild:1")
    if how == "auth":
        with member.open(server) as socket:
            assert renew(socket, token)["code"] == "FORBIDDEN"
            assert socket.close_code() == 4403
        return
    with server.connect(f"/sync?token={token}" if how == "handshake" else "/sync") as socket:
        error = socket.init(member.instance, token if how == "init" else None)
        assert (error["type"], error["code"]) == ("error", "FORBIDDEN")
        assert socket.close_code() == 4403


def test_revoking_a_sync_token_closes_its_sockets_and_no_others(server: Server, member: Member) -> None:
    with member.open(server) as other, member.open(server, sync_token(member)) as socket:
        AuthSession.objects.exclude(store="").update(revoked_at="2026-01-01T00:00Z")
        assert socket.receive(seconds=2)["code"] == "SESSION_REVOKED"
        assert socket.close_code() == 4401
        assert other.ask({"type": "ping", "id": 1})["type"] == "pong"


def test_a_sync_token_that_runs_out_closes_without_grace(
    server: Server, member: Member, settings: Settings
) -> None:
    settings.TOKEN_LEEWAY_SECONDS = 0
    settings.SYNC_TOKEN_SECONDS = 2
    with member.open(server, sync_token(member)) as socket:
        assert socket.receive()["code"] == "TOKEN_EXPIRING"
        assert socket.receive()["code"] == "TOKEN_EXPIRED"
        assert socket.close_code() == 4401
    settings.SYNC_TOKEN_SECONDS = -60
    with server.connect() as socket:
        assert socket.init(member.instance, sync_token(member))["code"] == "TOKEN_EXPIRED"


def test_where_sync_tokens_are_not_asked_for_they_are_invalid(member: Member) -> None:
    scope = {"headers": [], "query_string": f"token={sync_token(member)}".encode()}
    with pytest.raises(TokenInvalid):
        authenticate_scope(scope, grace_seconds=0)


def test_who_says_nothing_is_asked_to_leave(
    server: Server, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "INIT_SECONDS", 0.2)
    with server.connect(additional_headers={"Authorization": f"Bearer {member.token}"}) as socket:
        assert socket.close_code() == 4408
    with member.open(server) as socket, pytest.raises(TimeoutError):
        socket.receive(seconds=0.5)
