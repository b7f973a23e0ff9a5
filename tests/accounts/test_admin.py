"""Who may enter the Django admin, and how it changes people's accounts."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import AuthSession, DiscordGrant, User
from sandbox.seed import OWNER
from tests.accounts.conftest import Discord, begin, log_in
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def browser_of(user: User) -> Client:
    browser = Client(headers={"accept": "text/html"})
    browser.force_login(user)
    return browser


def test_the_list_alone_decides_at_every_request(operator: Client, settings: LazySettings) -> None:
    assert operator.get("/admin/").status_code == 200
    settings.ADMIN_DISCORD_IDS = set()
    assert operator.get("/admin/", follow=True).status_code == 403


def test_others_are_refused_and_strangers_sent_to_discord() -> None:
    assert browser_of(UserFactory.create()).get("/admin/", follow=True).status_code == 403
    response = Client().get("/admin/", follow=True)
    assert response.redirect_chain[-1][0].startswith("http://127.0.0.1:1339/oauth2/authorize?")


def test_a_login_for_the_admin_leads_back_to_it(
    client: Client, there: Discord, settings: LazySettings
) -> None:
    settings.ADMIN_DISCORD_IDS = {OWNER}
    asked = client.get(client.get("/admin/").headers["Location"]).headers["Location"]
    assert asked == "/api/auth/discord/login?next=/admin/"
    back = there.approve(begin(client, "?next=/admin/"))
    assert client.get(back).headers["Location"].endswith("/admin/")
    assert client.get("/admin/").status_code == 200


def test_somebody_without_a_snowflake_is_never_staff(settings: LazySettings) -> None:
    settings.ADMIN_DISCORD_IDS = {"", "None"}
    nobody = User.objects.create(discord_id=None, username="dev")
    assert not nobody.is_staff
    assert not nobody.has_perm("accounts.view_user")


def test_a_closed_account_is_no_staff_either(operator: Client) -> None:
    User.objects.update(is_active=False)
    assert operator.get("/admin/").status_code == 302


def test_deactivating_somebody_ends_what_they_have_open(operator: Client) -> None:
    user = UserFactory.create()
    theirs = browser_of(user)
    assert theirs.get("/dashboard").status_code == 200
    assert operator.post(f"/admin/accounts/user/{user.pk}/change/", {"_save": "Save"}).status_code == 302
    user.refresh_from_db()
    assert not user.is_active
    assert theirs.get("/dashboard").status_code == 302
    User.objects.filter(pk=user.pk).update(is_active=True)
    assert theirs.get("/dashboard").status_code == 302


def test_deleting_somebody_gives_their_grant_back(operator: Client, there: Discord) -> None:
    theirs = Client()
    log_in(theirs, there)
    owner = User.objects.get(discord_id=OWNER)
    assert len(there.sandbox.world.grants) == 1
    assert operator.post(f"/admin/accounts/user/{owner.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not there.sandbox.world.grants
    assert not User.objects.filter(pk=owner.pk).exists()
    assert not DiscordGrant.objects.exists()
    assert theirs.get("/dashboard").status_code == 302


def test_ending_sessions_from_the_list(operator: Client) -> None:
    session = SessionFactory.create()
    form = {"action": "revoke", "_selected_action": [str(session.pk)]}
    assert operator.post("/admin/accounts/authsession/", form).status_code == 302
    assert AuthSession.objects.get(pk=session.pk).revoked_at is not None


def test_no_page_of_the_admin_shows_a_grant(operator: Client, there: Discord) -> None:
    log_in(Client(), there)
    owner = User.objects.get(discord_id=OWNER)
    for path in ("", "accounts/user/", f"accounts/user/{owner.pk}/change/", "accounts/authsession/"):
        page = operator.get(f"/admin/{path}")
        assert page.status_code == 200, path
        assert b"gAAAA" not in page.content
    assert operator.get("/admin/accounts/discordgrant/").status_code == 404
