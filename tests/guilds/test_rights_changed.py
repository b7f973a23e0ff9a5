"""The guild's log names exactly the people whose rights have changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts.domain.departure import delete_account
from accounts.models import User
from guilds.domain.memberships import store_member_seen, store_my_guilds, store_roles
from guilds.domain.mirror import mirror_guild
from guilds.permissions import ADMINISTRATOR
from realtime.models import Event
from tests.factories import GuildFactory, UserFactory

pytestmark = pytest.mark.django_db

SOMEBODY_ELSE = "190000000000000009"
ADMINS, DJS = "320000000000000001", "320000000000000002"


def role(role_id: str, name: str, permissions: int = 0) -> dict[str, Any]:
    fields = {"color": 0, "position": 1, "mentionable": False, "managed": False}
    return {"id": role_id, "name": name, "permissions": permissions} | fields


class Place:
    """A mirrored guild with an administrator, a DJ and a member without roles."""

    def __init__(self) -> None:
        self.id = GuildFactory.create().pk
        self.admins, self.djs = role(ADMINS, "Admins", ADMINISTRATOR), role(DJS, "DJ")
        self.mirror()
        self.admin, self.dj, self.plain = (self.join(roles) for roles in ([ADMINS], [DJS], []))

    def mirror(self, *, owner_id: str = SOMEBODY_ELSE) -> None:
        mirror_guild(
            self.id, name="Place", icon_hash="", owner_id=owner_id, member_count=4, bot_role_ids=[],
            channels=[], roles=[role(self.id, "@everyone"), self.admins, self.djs], voices=[],
        )  # fmt: skip

    def join(self, role_ids: list[str]) -> User:
        user: User = UserFactory.create()
        store_roles(self.id, discord_id=str(user.discord_id), role_ids=role_ids)
        return user

    @property
    def notified(self) -> list[list[str]]:
        """Return the people who were named, event by event."""
        events = Event.objects.filter(store__name=f"guild:{self.id}", name="RightsChanged").order_by("seq")
        return [json.loads(event.args)["user_ids"] for event in events]


@pytest.fixture
def place() -> Place:
    return Place()


def give(place: Place, *role_ids: str) -> None:
    store_roles(place.id, discord_id=str(place.plain.discord_id), role_ids=list(role_ids))


def edit_admins(place: Place) -> None:
    place.admins["permissions"] = 0
    place.mirror()


def rename_djs(place: Place) -> None:
    place.djs["name"] = "Dancers"
    place.mirror()


def make_owner(place: Place) -> None:
    place.mirror(owner_id=str(place.plain.discord_id))


def use_bot(place: Place, permissions: int = 0) -> None:
    store_member_seen(
        place.plain, guild_id=place.id, owner=False, permissions=permissions, role_ids=[place.id]
    )


def log_in(place: Place, permissions: int) -> None:
    partial = {"id": place.id, "name": "Place", "icon": None, "owner": False, "permissions": str(permissions)}
    store_my_guilds(place.plain, [partial])


TOLD: list[tuple[str, Callable[[Place], None], str]] = [
    ("is given a role", lambda place: give(place, DJS), "plain"),
    ("an administrators' role becomes another", edit_admins, "admin"),
    ("the role named DJ is none any more", rename_djs, "dj"),
    ("the guild has another owner", make_owner, "plain"),
    ("uses the bot with other rights", lambda place: use_bot(place, permissions=8), "plain"),
    ("logs in with other rights", lambda place: log_in(place, 8), "plain"),
]


@pytest.mark.parametrize(("change", "who"), [each[1:] for each in TOLD], ids=[each[0] for each in TOLD])
def test_whose_rights_change_is_named(change: Callable[[Place], None], who: str, place: Place) -> None:
    assert place.notified == []  # people who have just joined have no page open
    for _ in range(2):  # the second time nothing changes
        change(place)
        assert place.notified == [[str(getattr(place, who).pk)]]


def test_what_changes_nobodys_rights_names_nobody(place: Place) -> None:
    give(place)
    place.mirror()
    place.djs["color"] = 255
    place.mirror()
    use_bot(place)
    log_in(place, 0)
    assert place.notified == []


def test_who_departs_is_named_no_more(place: Place) -> None:
    give(place, DJS)
    delete_account(place.plain)
    assert place.notified == [[]]
