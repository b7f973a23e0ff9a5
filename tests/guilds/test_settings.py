"""A guild's settings: valid choices, an event for every change, and no lost changes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.errors import InvalidInput
from accounts.models import User
from guilds.choices import ChannelType
from guilds.domain.settings import check_settings, settings_shape
from guilds.errors import GuildForbidden, GuildNotFound
from guilds.models import Channel, GuildSettings, Role
from guilds.permissions import is_dj, require_member
from guilds.setting_fields import settings_in
from queue_app.commands import execute
from queue_app.domain.guild_state import open_guild
from realtime.models import Event, Via
from realtime.origin import Origin
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory, UserFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db

JSON = "application/json"
WELL: dict[str, Any] = {"gone": [], "problems": {}}
DEFAULTS: dict[str, Any] = {
    "dj_role_id": None,
    "announce_channel_id": None,
    "request_channel_id": None,
    "show_card": True,
    "channel_status": False,
    "language": "discord",
    "voice_channel_id": None,
    "default_volume": 100,
    "may_add": "everyone",
    "may_skip": "everyone",
    "may_move": "everyone",
    "may_clear": "dj",
    "vote_share": 50,
    "max_per_person": None,
    "fair_order": False,
    "stay_in_channel": False,
    "leave_after_minutes": 10,
    "allowed_sources": None,
}


class Office:
    """A guild, its owner and a member, over REST."""

    def __init__(self, api: Callable[[User], Client]) -> None:
        self.guild = GuildFactory.create()
        self.id: str = self.guild.pk
        self.owner: User = MembershipFactory.create(guild=self.guild, owner=True).user
        self.member: User = MembershipFactory.create(guild=self.guild).user
        self.url = f"/api/guilds/{self.id}/settings"
        self._client = functools.cache(api)

    def get(self, by: User | None = None) -> Any:
        return self._client(by or self.owner).get(self.url)

    def patch(self, body: Any, by: User | None = None) -> Any:
        return self._client(by or self.owner).patch(self.url, body, content_type=JSON)

    def changes(self) -> list[dict[str, Any]]:
        events = Event.objects.filter(store__name=f"guild:{self.id}", name="SettingsChanged").order_by("seq")
        return [json.loads(event.args) for event in events]


@pytest.fixture
def office(api: Callable[[User], Client]) -> Office:
    return Office(api)


# --- Reading and changing ---


def test_a_new_guild_has_the_defaults(office: Office) -> None:
    assert office.get().json() == DEFAULTS | WELL
    assert DEFAULTS.keys() == {field.name for field in settings_in(GuildSettings)}


def test_every_setting_can_be_changed_and_is_told_with_before_and_after(office: Office) -> None:
    wanted: dict[str, Any] = {
        "dj_role_id": RoleFactory.create(guild=office.guild).pk,
        "announce_channel_id": ChannelFactory.create(guild=office.guild).pk,
        "request_channel_id": ChannelFactory.create(guild=office.guild).pk,
        "voice_channel_id": ChannelFactory.create(guild=office.guild, type=ChannelType.STAGE).pk,
        "show_card": False,
        "channel_status": True,
        "language": "de",
        "default_volume": 0,
        "may_add": "dj",
        "may_skip": "managers",
        "may_move": "managers",
        "may_clear": "everyone",
        "vote_share": 100,
        "max_per_person": 3,
        "fair_order": True,
        "stay_in_channel": True,
        "leave_after_minutes": 1440,
        "allowed_sources": ["http"],
    }
    for name, value in wanted.items():
        assert office.patch({name: value}).json()[name] == value
    assert office.get().json() == wanted | WELL
    assert office.changes() == [
        {"before": {name: DEFAULTS[name]}, "after": {name: value}} for name, value in wanted.items()
    ]
    event = Event.objects.filter(name="SettingsChanged").first()
    assert event is not None
    assert (event.actor, event.via) == (office.owner, Via.REST)
    assert office.patch(DEFAULTS).json() == DEFAULTS | WELL
    assert office.changes()[-1] == {"before": wanted, "after": DEFAULTS}


def test_what_is_so_already_is_not_told_again(office: Office) -> None:
    assert office.patch({"vote_share": 50, "fair_order": False}).status_code == 200
    office.patch({"vote_share": 50, "fair_order": True})
    assert office.changes() == [{"before": {"fair_order": False}, "after": {"fair_order": True}}]


WRONG: dict[str, list[Any]] = {
    "default_volume": [-1, 201, 1.5, "50", True, None],
    "vote_share": [-1, 101, None],
    "leave_after_minutes": [0, 1441, None],
    "max_per_person": [0, 1001, "", False],
    "may_add": ["", "nobody", "DJ", None, ["dj"], {}],
    "fair_order": [None, 1, "true"],
    "show_card": [None, 0, "on"],
    "channel_status": [None, 0, "on"],
    "language": [None, 7, "xx", ""],
    "allowed_sources": [[], ["tape"], "library", {"library": 1}, [None], [["http"]]],
    "dj_role_id": ["", 5, "x", "1" * 21, "١٢٣", [], "1\0"],
    "guild": ["1"],
    "gone": [[]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_what_no_setting_can_be_is_refused_by_its_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_settings({name: value, "vote_share" if name != "vote_share" else "may_add": 60})
    assert name in caught.value.errors


def test_one_bad_setting_refuses_the_others_with_it(office: Office) -> None:
    answer = office.patch({"fair_order": True, "vote_share": 101, "name": "Lounge"})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert set(answer.json()["errors"]) == {"vote_share", "name"}
    assert office.get().json() == DEFAULTS | WELL
    bodies: list[Any] = [{}, [], 5]
    for body in bodies:
        answer = office.patch(body)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")


# --- The mirror decides what exists ---


def test_roles_and_channels_must_be_of_this_guild_and_of_their_kind(office: Office) -> None:
    text, voice = (
        ChannelFactory.create(guild=office.guild),
        ChannelFactory.create(guild=office.guild, voice=True),
    )
    everyone = RoleFactory.create(guild=office.guild, id=office.id)
    category = ChannelFactory.create(guild=office.guild, type=ChannelType.CATEGORY)
    for name, wrong in [
        ("dj_role_id", RoleFactory.create().pk),
        ("dj_role_id", text.pk),
        ("dj_role_id", everyone.pk),
        ("announce_channel_id", voice.pk),
        ("announce_channel_id", category.pk),
        ("announce_channel_id", ChannelFactory.create().pk),
        ("voice_channel_id", text.pk),
        ("voice_channel_id", category.pk),
        ("voice_channel_id", ChannelFactory.create(voice=True).pk),
        ("voice_channel_id", "1"),
    ]:
        answer = office.patch({name: wrong, "vote_share": 60})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name]), (name, wrong)
    assert office.changes() == []


def test_what_is_deleted_later_is_gone_and_counts_as_not_set(office: Office) -> None:
    role = RoleFactory.create(guild=office.guild)
    voice = ChannelFactory.create(guild=office.guild, voice=True)
    dj = MembershipFactory.create(guild=office.guild, role_ids=[role.pk])
    office.patch({"dj_role_id": role.pk, "voice_channel_id": voice.pk})
    assert is_dj(require_member(dj.user, office.id))
    Role.objects.all().delete()
    Channel.objects.all().delete()
    assert office.get().json()["gone"] == ["dj_role_id", "voice_channel_id"]
    assert not is_dj(require_member(dj.user, office.id))
    state = open_guild(office.id, origin=Origin(user=dj.user, via=Via.REST))
    state.seek_voice()
    assert state.player.voice_channel_id is None
    # It cannot be chosen again. Another setting can be changed, and this one can be cleared.
    assert office.patch({"dj_role_id": role.pk}).status_code == 400
    assert office.patch({"vote_share": 60}).status_code == 200
    assert office.patch({"dj_role_id": None, "voice_channel_id": None}).json()["gone"] == []


def test_until_a_role_is_chosen_one_named_dj_is_it(office: Office) -> None:
    named, chosen = (RoleFactory.create(guild=office.guild, name=name) for name in ("dj", "Selectors"))
    RoleFactory.create(name="DJ")  # another guild's
    by_custom = MembershipFactory.create(guild=office.guild, role_ids=[office.id, named.pk]).user
    by_choice = MembershipFactory.create(guild=office.guild, role_ids=[office.id, chosen.pk]).user

    def djs() -> list[User]:
        people = (by_custom, by_choice, office.member)
        return [user for user in people if is_dj(require_member(user, office.id))]

    assert djs() == [by_custom]
    office.patch({"dj_role_id": chosen.pk})
    assert djs() == [by_choice]
    chosen.delete()
    assert djs() == [by_custom]


# --- Who may ---


def test_members_and_djs_may_not_and_strangers_learn_nothing(office: Office, client: Client) -> None:
    role = RoleFactory.create(guild=office.guild)
    office.patch({"dj_role_id": role.pk})
    dj = MembershipFactory.create(guild=office.guild, role_ids=[role.pk]).user
    for user, status in [(office.member, 403), (dj, 403), (UserFactory.create(), 404)]:
        assert office.get(user).status_code == status
        # Without the right, an invalid body is not even parsed.
        bodies: list[dict[str, Any]] = [{"vote_share": 60}, {"vote_share": -1}, {}]
        for body in bodies:
            assert office.patch(body, user).status_code == status
    assert client.get(office.url).status_code == 401
    assert len(office.changes()) == 1


def test_the_command_is_the_same_act(office: Office) -> None:
    origin = Origin(user=office.owner, via=Via.SYNC, command_id="change-1")
    answer = execute(office.id, "ChangeSettings", {"vote_share": 60}, origin=origin)
    assert answer.result == office.get().json()
    assert execute(office.id, "ChangeSettings", {"vote_share": 60}, origin=origin) == answer
    assert len(office.changes()) == 1
    with pytest.raises(InvalidInput):
        execute(office.id, "ChangeSettings", {"volume": 1}, origin=origin)
    with pytest.raises(GuildForbidden):
        execute(
            office.id, "ChangeSettings", {"vote_share": 1}, origin=Origin(user=office.member, via=Via.SYNC)
        )
    with pytest.raises(GuildNotFound):
        execute(
            office.id,
            "ChangeSettings",
            {"vote_share": 1},
            origin=Origin(user=UserFactory.create(), via=Via.SYNC),
        )


def test_over_rest_it_is_the_command_too_and_happens_once_by_its_key(
    office: Office, api: Callable[[User], Client]
) -> None:
    client = api(office.owner)
    for share in (60, 70):
        body, headers = {"vote_share": share}, {"Idempotency-Key": f"share-{share}"}
        client.patch(office.url, body, content_type=JSON, headers=headers)
    again = client.patch(
        office.url, {"vote_share": 60}, content_type=JSON, headers={"Idempotency-Key": "share-60"}
    )
    assert (again.status_code, again.json()["vote_share"]) == (200, 60)
    assert office.get().json()["vote_share"] == 70


def test_a_command_of_those_who_may_not_is_refused_before_its_arguments(office: Office) -> None:
    bad: dict[str, Any] = {"vote_share": -1, "nothing": 1}
    with pytest.raises(GuildForbidden):
        execute(office.id, "ChangeSettings", bad, origin=Origin(user=office.member, via=Via.SYNC))


def test_many_unknown_names_make_a_short_answer(office: Office) -> None:
    answer = office.patch({f"{number:05}" + "x" * 100: 1 for number in range(5000)})
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    assert len(errors) == 20
    assert {len(name) for name in errors} == {64}
    assert answer.json()["detail"].endswith("; and 15 more")
    assert len(answer.content) < 4000


# --- Several at once ---


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_changes_of_different_settings_at_once_all_survive(in_threads: Callable[..., list[Any]]) -> None:
    stage = Stage()
    wanted: dict[str, Any] = {
        "vote_share": 71, "may_add": "dj", "may_move": "dj", "fair_order": True, "default_volume": 40,
        "max_per_person": 5,
    }  # fmt: skip
    managers = [stage.join(manager=True) for _ in wanted]
    each = list(wanted.items())
    in_threads(
        len(each),
        lambda n: execute(
            stage.id, "ChangeSettings", dict([each[n]]), origin=Origin(user=managers[n], via=Via.REST)
        ),
    )
    kept = settings_shape(GuildSettings.objects.get(pk=stage.id))
    assert {name: kept[name] for name in wanted} == wanted
    assert stage.names == ["SettingsChanged"] * len(wanted)


# --- The admin ---


def as_shown(page: Any) -> dict[str, Any]:
    """Return what a browser would send for the admin's form, including its hidden values."""
    sent: dict[str, Any] = {}
    for bound in page.context["adminform"].form:
        value = bound.value()
        ticked = bound.name in {"fair_order", "stay_in_channel", "allowed_sources"}  # sent only if checked
        for name in (bound.html_name, bound.html_initial_name):
            if value or not ticked:
                sent[name] = "" if value is None else value
    return sent


def test_the_admin_writes_through_the_same_door_and_only_what_was_changed(
    office: Office, operator: Client
) -> None:
    role = RoleFactory.create(guild=office.guild, name="Selectors")
    url = reverse("admin:guilds_guildsettings_change", args=[office.id])
    page = operator.get(url)
    assert b"Selectors" in page.content
    sent = as_shown(page)
    office.patch({"vote_share": 80})  # meanwhile
    sent |= {"dj_role_id": role.pk, "fair_order": "on", "allowed_sources": ["http"]}
    answer = operator.post(url, sent)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    after = {"dj_role_id": role.pk, "fair_order": True, "allowed_sources": ["http"]}
    assert office.changes()[-1]["after"] == after
    assert office.get().json()["vote_share"] == 80
    event = Event.objects.filter(name="SettingsChanged").latest("seq")
    assert (event.via, event.actor_id != office.owner.pk) == (Via.ADMIN, True)


def test_the_admin_refuses_what_is_not_there(office: Office, operator: Client) -> None:
    url = reverse("admin:guilds_guildsettings_change", args=[office.id])
    for wrong in ({"voice_channel_id": "123"}, {"vote_share": "101"}, {"max_per_person": "0"}):
        answer = operator.post(url, as_shown(operator.get(url)) | wrong)
        assert answer.status_code == 200
        assert list(answer.context["adminform"].form.errors) == list(wrong)
    assert office.changes() == []


def test_a_choice_that_is_gone_is_shown_in_the_admin_and_stays_until_changed(
    office: Office, operator: Client
) -> None:
    GuildSettings.objects.filter(pk=office.id).update(dj_role_id="700000000000000001")
    url = reverse("admin:guilds_guildsettings_change", args=[office.id])
    page = operator.get(url)
    assert b"gone (700000000000000001)" in page.content
    assert operator.post(url, as_shown(page) | {"vote_share": "60"}).status_code == 302
    assert office.changes() == [{"before": {"vote_share": 50}, "after": {"vote_share": 60}}]


def test_names_of_sources_come_from_who_has_them() -> None:
    assert check_settings({"allowed_sources": ["library", "http"]}) == {
        "allowed_sources": ["http", "library"]
    }
