"""Alert rules: valid choices and who may make them, and the alerts they match."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from alerts.domain import rules
from alerts.domain.rules import change_rule
from alerts.models import AlertPost, AlertRule
from guilds.choices import ChannelType
from guilds.models import Guild, Membership
from realtime.models import Event, Via
from realtime.origin import Origin
from streams.domain.alerts import write_alert
from streams.domain.streams import create_stream, delete_stream, share_with_guild, share_with_user
from streams.models import Stream, StreamGrant
from streams.signals import alert_written
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory, UserFactory

JSON = "application/json"
NIGHT = {"from": "22:00", "until": "07:00", "timezone": "Europe/Berlin"}


class Office:
    """A guild with a channel and a role, its owner's stream, and REST."""

    def __init__(self, api: Callable[[User], Client]) -> None:
        self.guild: Guild = GuildFactory.create()
        self.id: str = self.guild.pk
        self.owner: User = MembershipFactory.create(guild=self.guild, owner=True).user
        self.admin: User = MembershipFactory.create(guild=self.guild, manager=True).user
        self.channel = ChannelFactory.create(guild=self.guild)
        self.role = RoleFactory.create(guild=self.guild)
        self.stream: Stream = create_stream(self.owner, stream_id="cam-1", name="Front door")
        self.url = f"/api/guilds/{self.id}/alert-rules"
        self._client = functools.cache(api)

    @property
    def wanted(self) -> dict[str, Any]:
        return {"stream_id": "cam-1", "channel_id": self.channel.pk}

    def post(self, by: User | None = None, **body: Any) -> Any:
        return self._client(by or self.owner).post(self.url, self.wanted | body, content_type=JSON)

    def rule(self, **body: Any) -> AlertRule:
        made = self.post(**body)
        assert made.status_code == 201, made.content
        return AlertRule.objects.get(pk=made.json()["id"])

    def get(self, rule: AlertRule) -> dict[str, Any]:
        found: dict[str, Any] = self._client(self.owner).get(f"{self.url}/{rule.pk}").json()
        return found

    def patch(self, rule: AlertRule, by: User | None = None, **body: Any) -> Any:
        return self._client(by or self.owner).patch(f"{self.url}/{rule.pk}", body, content_type=JSON)

    def delete(self, rule: AlertRule) -> Any:
        return self._client(self.owner).delete(f"{self.url}/{rule.pk}")

    def listed(self) -> Any:
        return self._client(self.owner).get(self.url).json()

    def raise_alert(self, type_: str = "alert", **args: Any) -> None:
        write_alert(self.stream.pk, type_, args, origin=Origin(user=self.stream.owner, via=Via.SYNC))

    def logged(self) -> list[tuple[str, dict[str, Any]]]:
        events = Event.objects.filter(store__name=f"guild:{self.id}", name__startswith="AlertRule")
        return [(event.name, json.loads(event.args)) for event in events.order_by("seq")]


@pytest.fixture
def office(db: None, api: Callable[[User], Client]) -> Office:
    return Office(api)


# --- Making, changing, removing ---


def test_a_rule_is_made_changed_and_removed_and_each_is_told(office: Office) -> None:
    made = office.post(mention_role_id=office.role.pk, quiet_hours=NIGHT, min_level="high", max_per_minute=3)
    assert made.status_code == 201
    shape = made.json()
    chosen = office.wanted | {
        "mention_role_id": office.role.pk,
        "min_level": "high",
        "quiet_hours": NIGHT,
        "max_per_minute": 3,
        "enabled": True,
    }
    assert {name: shape[name] for name in chosen} == chosen
    assert shape["stream_name"] == "Front door"
    assert shape["author"]["id"] == str(office.owner.pk)
    assert (shape["problem"], shape["gone"]) == (None, [])
    assert office.listed() == [shape]
    rule = AlertRule.objects.get(pk=shape["id"])
    changed = office.patch(rule, quiet_hours=None, max_per_minute=3, by=office.admin)
    assert changed.json() == shape | {"quiet_hours": None}
    office.patch(rule, max_per_minute=3)  # unchanged, so no event
    assert office.delete(rule).status_code == 204
    assert office.listed() == []
    night = {"quiet_hours": NIGHT}
    expected_rule = {"id": shape["id"], **chosen}
    assert office.logged() == [
        ("AlertRuleAdded", {"rule": expected_rule}),
        ("AlertRuleChanged", {"rule_id": shape["id"], "before": night, "after": {"quiet_hours": None}}),
        ("AlertRuleRemoved", {"rule": expected_rule | {"quiet_hours": None}}),
    ]  # fmt: skip


WRONG: dict[str, list[Any]] = {
    "stream_id": [None, "", 5, "cam-2", "x" * 65],
    "channel_id": [None, "", 1, "123456789012345678"],
    "mention_role_id": ["", 7, "123456789012345678"],
    "min_level": [None, "", "severe", 1],
    "max_per_minute": [0, 31, -1, 1.5, "5", True, None],
    "enabled": [None, "yes", 1],
    "colour": ["red"],
    "quiet_hours": [
        "22:00", {}, [], NIGHT | {"from": "25:00"}, NIGHT | {"until": "22:00"}, NIGHT | {"timezone": "Mars/Base"},
        NIGHT | {"timezone": "../../etc/passwd"}, NIGHT | {"from": "22:00:30"}, NIGHT | {"from": "22:00+01:00"},
        NIGHT | {"from": None}, NIGHT | {"also": 1}, {"from": "22:00", "until": "07:00"},
    ],
}  # fmt: skip


def test_what_a_rule_cannot_be_is_refused_by_field(office: Office) -> None:
    rule = office.rule()
    for name, values in WRONG.items():
        for value in values:
            for refused in (office.patch(rule, **{name: value}), office.post(**{name: value})):
                assert refused.status_code == 400, (name, value)
                assert list(refused.json()["errors"]) == [name], (name, value)
    assert list(office.patch(rule).json()["errors"]) == ["non_field_errors"]
    assert len(office.logged()) == 1


def test_channel_and_role_are_of_this_guild_and_of_the_right_kind(office: Office) -> None:
    elsewhere = GuildFactory.create()
    RoleFactory.create(id=office.id, guild=office.guild)
    for channel in (
        ChannelFactory.create(guild=office.guild, voice=True),
        ChannelFactory.create(guild=office.guild, type=ChannelType.CATEGORY),
        ChannelFactory.create(guild=elsewhere),
    ):
        assert "channel_id" in office.post(channel_id=channel.pk).json()["errors"]
    for role in (RoleFactory.create(guild=elsewhere).pk, office.id):
        assert "mention_role_id" in office.post(mention_role_id=role).json()["errors"]
    news = ChannelFactory.create(guild=office.guild, type=ChannelType.ANNOUNCEMENT)
    assert office.post(channel_id=news.pk).status_code == 201


def test_a_channel_or_role_that_was_deleted_is_named(office: Office) -> None:
    rule = office.rule(mention_role_id=office.role.pk)
    office.role.delete()
    office.channel.delete()
    assert office.get(rule)["gone"] == ["channel_id", "mention_role_id"]


def test_a_guild_has_so_many_rules_and_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_RULES", 2)
    assert [office.post().status_code for _ in range(3)] == [201, 201, 409]


def test_the_list_takes_as_many_queries_for_three_rules_as_for_one(
    office: Office, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    counts = []
    for _ in range(2):
        office.rule()
        with django_assert_max_num_queries(20) as queries:
            office.listed()
        counts.append(len(queries))
        office.rule()
    assert counts[0] == counts[1]


# --- Whose streams ---


def test_a_guild_taps_no_stream_that_none_of_its_managers_may_read(office: Office) -> None:
    stranger = UserFactory.create()
    private = create_stream(stranger, stream_id="private")
    refused = office.post(stream_id="private")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["stream_id"])
    assert office.post(stream_id="not-there").json() == refused.json()  # nobody learns which streams exist
    grant = share_with_user(private, office.owner, write=False)
    rule = office.rule(stream_id="private")
    office.stream = private
    office.raise_alert(text="shared")
    assert AlertPost.objects.count() == 1
    grant.delete()
    office.raise_alert(text="not any more")
    assert AlertPost.objects.count() == 1
    assert office.get(rule)["problem"]["code"] == "STREAM_NOT_SHARED"
    assert office.get(rule)["stream_name"] is None
    private.public = True
    private.save()
    office.raise_alert(text="to everybody")
    assert AlertPost.objects.count() == 2


def test_who_changes_a_rule_of_anothers_stream_may_not_point_it_elsewhere_but_change_the_rest(
    office: Office,
) -> None:
    rule = office.rule()
    create_stream(office.admin, stream_id="cam-2")
    assert office.patch(rule, by=office.admin, stream_id="cam-1", min_level="high").status_code == 200
    assert office.get(rule)["author"]["id"] == str(office.owner.pk)
    assert office.patch(rule, by=office.owner, stream_id="cam-2").status_code == 400
    assert office.patch(rule, by=office.admin, stream_id="cam-2").json()["author"]["id"] == str(
        office.admin.pk
    )


@pytest.mark.parametrize("loses", ["management", "membership", "account"])
def test_a_rule_rests_when_its_author_manages_no_more_until_another_vouches(
    office: Office, loses: str
) -> None:
    office.stream.owner = UserFactory.create()
    office.stream.save()
    share_with_guild(office.stream, office.id, "", write=False, sharer=office.admin)
    rule = office.rule()
    if loses == "management":
        Membership.objects.filter(user=office.owner).update(owner=False, permissions=0)
    elif loses == "membership":
        Membership.objects.filter(user=office.owner).delete()
    else:
        office.owner.delete()
    office.raise_alert(text="unheard")
    assert AlertPost.objects.count() == 0
    taken = office.patch(rule, by=office.admin, stream_id="cam-1").json()
    assert (taken["problem"], taken["author"]["id"]) == (None, str(office.admin.pk))
    office.raise_alert(text="heard")
    assert AlertPost.objects.count() == 1


def test_a_stream_of_another_under_the_same_id_is_not_heard(office: Office) -> None:
    rule = office.rule()
    delete_stream(office.stream)
    office.stream = create_stream(UserFactory.create(), stream_id="cam-1")
    office.raise_alert(text="a stranger's")
    assert AlertPost.objects.count() == 0
    assert office.get(rule)["problem"]["code"] == "STREAM_NOT_SHARED"
    assert StreamGrant.objects.count() == 0


# --- Which alerts ---


@pytest.mark.parametrize(
    ("min_level", "args", "heard"),
    [
        ("low", {"level": "low"}, True),
        ("low", {}, True),
        ("medium", {"level": "low"}, False),
        ("medium", {"level": "medium"}, True),
        ("medium", {}, True),
        ("medium", {"level": "severe"}, True),
        ("medium", {"level": 3}, True),
        ("high", {"level": "medium"}, False),
        ("high", {}, False),
        ("high", {"level": "severe"}, False),
        ("high", {"level": " HIGH "}, True),
        ("high", {"level": ["high"]}, False),
    ],
)
def test_a_rule_hears_its_level_and_above(
    office: Office, min_level: str, args: dict[str, Any], heard: bool
) -> None:
    office.rule(min_level=min_level)
    office.raise_alert(**args)
    assert AlertPost.objects.exists() == heard


def test_each_rule_of_a_stream_hears_and_none_of_another_stream_or_turned_off(office: Office) -> None:
    create_stream(office.owner, stream_id="cam-2")
    heard = [office.rule(), office.rule()]
    office.rule(stream_id="cam-2")
    office.rule(enabled=False)
    office.raise_alert("motion", text="there")
    assert {post.rule_id for post in AlertPost.objects.all()} == {rule.pk for rule in heard}


def test_a_guild_without_the_bot_keeps_no_alerts(office: Office) -> None:
    rule = office.rule()
    Guild.objects.filter(pk=office.id).update(bot_installed=False)
    office.raise_alert()
    assert AlertPost.objects.count() == 0
    assert office.get(rule)["problem"]["code"] == "BOT_NOT_INSTALLED"


def test_the_outbox_row_is_kept_with_the_alert_or_not_at_all(
    office: Office, request: pytest.FixtureRequest
) -> None:
    def refuse(**kwargs: Any) -> None:
        raise RuntimeError

    office.rule()
    request.addfinalizer(lambda: alert_written.disconnect(refuse))
    alert_written.connect(refuse)
    with pytest.raises(RuntimeError):
        office.raise_alert()
    assert (AlertPost.objects.count(), Event.objects.filter(store__name="stream:cam-1").count()) == (0, 0)


def test_turning_a_rule_off_drops_what_waits(office: Office) -> None:
    rule = office.rule(quiet_hours=None)
    office.raise_alert()
    office.patch(rule, enabled=False)
    assert AlertPost.objects.count() == 0


# --- The admin ---


def test_an_operator_changes_and_removes_a_rule_with_an_event(office: Office, operator: Client) -> None:
    rule = office.rule(mention_role_id=office.role.pk)
    page = reverse("admin:alerts_alertrule_change", args=[rule.pk])
    form = operator.get(page).context["adminform"].form
    sent = {name: form[name].initial for name in form.fields} | {"mention_role_id": "", "max_per_minute": 9}
    shown = {f"initial-{name}": form[name].initial for name in form.fields}
    assert operator.post(page, sent | shown).status_code == 302
    assert office.logged()[-1][1]["after"] == {"mention_role_id": None, "max_per_minute": 9}
    assert operator.get(reverse("admin:alerts_alertrule_changelist")).status_code == 200
    removed = operator.post(reverse("admin:alerts_alertrule_delete", args=[rule.pk]), {"post": "yes"})
    assert removed.status_code == 302
    assert office.logged()[-1][0] == "AlertRuleRemoved"


def test_a_change_by_an_operator_needs_no_membership(office: Office) -> None:
    operator = Origin(user=UserFactory.create(), via=Via.ADMIN, operator=True)
    rule = change_rule(office.id, office.rule().pk, origin=operator, min_level="high")
    assert (rule.min_level, rule.author) == ("high", office.owner)
