"""The management commands for logs: export, import, prune, verify, tag."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings

from accounts.domain.sessions import nobody
from accounts.models import User
from queue_app.commands import execute
from realtime.domain.append import append_all, lock_store, size_of
from realtime.domain.retention import prune_logs
from realtime.domain.stores import create_store, set_member
from realtime.errors import CursorTooOld
from realtime.models import Command, Event, Store, StoreRole, Via
from realtime.origin import Origin
from realtime.queries import check_position, encode_event, read_events
from tests.factories import MembershipFactory, UserFactory
from tests.realtime.test_json_text import STRANGE, values

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def run(command: str, *args: Any, **options: Any) -> str:
    output = io.StringIO()
    call_command(command, *args, stdout=output, **options)
    return output.getvalue()


def fill(store: Store, *args: str, user: User | None = None, days: int = 0, **fields: Any) -> None:
    """Append one event per args. The first is `days` old, the last is new."""
    store = lock_store(store.name)
    now, head = timezone.now(), store.head
    fields = {"via": Via.SYNC, "actor": user} | fields
    append_all(
        store,
        [
            Event(
                store=store,
                seq=head + n + 1,
                parent_seq=head + n,
                event_id=f"{store.name}-{head + n + 1}",
                name="Noted",
                args=text,
                created_at=now - timedelta(days=days * (1 - n / len(args))),
                **fields,
            )
            for n, text in enumerate(args)
        ],
    )


def wire(store: Store) -> list[bytes]:
    events = Event.objects.filter(store=store).select_related("actor")
    return [encode_event(event, event.actor) for event in events]


# --- export, import, verify ---


def test_an_exported_store_comes_back_byte_for_byte_under_a_new_epoch(tmp_path: Path) -> None:
    owner, writer = UserFactory.create(), UserFactory.create()
    store = create_store(owner, "notes", public=True)
    set_member(store, writer, StoreRole.WRITER)
    fill(store, *(text.strip(" \t\r\n") for text in STRANGE), "", user=writer, client_timestamp=5)
    before, epoch = wire(store), store.epoch
    run("export_store", "notes", tmp_path / "notes.jsonl")
    store.delete()
    assert run("import_store", tmp_path / "notes.jsonl").startswith("Imported app:notes up to seq 22")
    back = Store.objects.get(name="app:notes")
    assert wire(back) == before
    assert back.epoch != epoch
    assert (back.owner, back.public, back.head) == (owner, True, len(before))
    assert back.size_bytes == size_of(Event.objects.filter(store=back)) > 0
    assert [(member.user, member.role) for member in back.members.all()] == [(writer, "writer")]
    assert run("verify_stores") == "Found no faults (logs checked: 1).\n"


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values)
def test_any_args_survive_the_journey(tmp_path: Path, text: str) -> None:
    store = create_store(UserFactory.create(), "notes")
    try:
        fill(store, text)
        before = wire(store)
        run("export_store", "notes", tmp_path / "notes.jsonl")
        run("import_store", tmp_path / "notes.jsonl", name="app:other")
        assert wire(Store.objects.get(name="app:other")) == before
    finally:
        Store.objects.all().delete()


def test_a_guilds_log_comes_back_and_old_cursors_do_not_fit(tmp_path: Path) -> None:
    member = MembershipFactory.create()
    name = f"guild:{member.guild_id}"
    for command in ("Pause", "Resume", "Pause"):
        execute(
            member.guild_id, command, {}, origin=Origin(member.user, Via.REST, command_id=f"c-{command}-1")
        )
    before = wire(Store.objects.get(name=name))
    epoch = Store.objects.get(name=name).epoch
    run("export_store", name, tmp_path / "guild.jsonl")
    with pytest.raises(CommandError, match="already"):
        run("import_store", tmp_path / "guild.jsonl")
    run("import_store", tmp_path / "guild.jsonl", replace=True)
    store = Store.objects.get(name=name)
    assert wire(store) == before
    assert store.epoch != epoch
    assert not Command.objects.exists()
    execute(member.guild_id, "Resume", {}, origin=Origin(member.user, Via.REST))
    assert run("verify_stores", name) == "Found no faults (logs checked: 1).\n"


def test_events_of_another_program_need_a_name_only(tmp_path: Path) -> None:
    person = UserFactory.create()
    rows = [
        {"backline_store": 1, "name": "app:old"},
        {"name": "Noted", "args": {"a": 1.0}},
        {"name": "Noted", "user": {"discord_id": person.discord_id}, "created_at": "2025-01-01T00:00:00Z"},
        {"name": "Noted", "user": {"discord_id": "900000000000000001"}, "seq": 9, "parent_seq": 2},
    ]
    (tmp_path / "old.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run("import_store", tmp_path / "old.jsonl")
    one, two, three = Event.objects.order_by("seq")
    assert (one.seq, one.auth, one.actor, one.args) == (1, "anonymous", None, '{"a": 1.0}')
    assert (two.seq, two.auth, two.actor, two.args, two.created_at.year) == (2, "valid", person, "", 2025)
    assert three.seq == 9
    assert three.actor is not None
    assert three.actor.discord_id == "900000000000000001"
    assert run("verify_stores") == "Found no faults (logs checked: 1).\n"


HEADER = '{"backline_store":1,"name":"app:x"}'


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "Line 1 is not JSON"),
        (['{"name":"app:x"}'], "not an export"),
        (['{"backline_store":1,"name":"nothing:1"}'], "Store not found"),
        (['{"backline_store":1,"name":"app:a b"}'], "name"),
        ([HEADER, "{"], "Line 2 is not JSON"),
        ([HEADER, "{}"], "Line 2: `name`"),
        ([HEADER, '{"name":"N","args_text":"{"}'], "Line 2: `args_text`"),
        ([HEADER, '{"name":"N","seq":2,"parent_seq":1}'], "does not follow"),
        ([HEADER, '{"name":"N","via":"mail"}'], "`via`"),
        ([HEADER, '{"name":"N","created_at":"yesterday"}'], "ISO 8601"),
        ([HEADER, '{"name":"N","user":{"discord_id":"1"}}'], "snowflake"),
        ([HEADER, *['{"name":"N","event_id":"event-01"}'] * 2], "same `event_id`"),
        (['{"backline_store":1,"name":"guild:1"}', '{"name":"N","seq":2}'], "missing"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_export_leaves_nothing(lines: list[str], says: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    with pytest.raises(CommandError, match=says):
        run("import_store", tmp_path / "x.jsonl")
    assert not Store.objects.exists()


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda: Event.objects.filter(seq=2).delete(), "events are missing"),
        (lambda: Event.objects.filter(seq=3).delete(), "the head is 3"),
        (lambda: Event.objects.filter(seq=1).update(parent_seq=7), "follows 7"),
        (lambda: Event.objects.filter(seq=2).update(args="{"), "are not JSON"),
        (lambda: Store.objects.update(head=2), "the head is 2"),
        (lambda: Store.objects.update(pruned_through=1), "follows 0"),
        (lambda: Store.objects.update(name="nothing:1"), "prefix"),
    ],
)
def test_what_is_wrong_with_a_log_is_found(harm: Any, says: str) -> None:
    member = MembershipFactory.create()
    for command in ("Pause", "Resume", "Pause"):
        execute(member.guild_id, command, {}, origin=Origin(member.user, Via.REST))
    assert run("verify_stores") == "Found no faults (logs checked: 1).\n"
    harm()
    output = io.StringIO()
    with pytest.raises(CommandError, match="1 of 1"):
        call_command("verify_stores", stdout=output)
    assert says in output.getvalue()


# --- prune ---


def test_old_events_of_a_guild_go_and_old_cursors_are_told() -> None:
    member = MembershipFactory.create()
    store = Store.objects.get(name=f"guild:{member.guild_id}")
    fill(store, *["{}"] * 10, days=100)  # 100, 90, … 10 days old
    fill(store, "{}", "{}")
    assert "would delete events 1 to 5" in run("prune_events", days=55, count=0, dry_run=True)
    assert Event.objects.count() == 12
    assert "deleted 5 events up to 5" in run("prune_events", days=55, count=0)
    store.refresh_from_db()
    assert (store.pruned_through, store.head, Event.objects.count()) == (5, 12, 7)
    with pytest.raises(CursorTooOld):
        check_position(store, cursor=4, epoch=store.epoch)
    with pytest.raises(CursorTooOld):  # a reader must not skip the pruned events silently
        read_events(store.name, after=4, limit=10)
    assert len(read_events(store.name, after=5, limit=10)) == 7
    assert run("verify_stores") == "Found no faults (logs checked: 1).\n"
    assert "deleted" not in run("prune_events", "--store", store.name, days=55, count=0)


def test_only_so_many_events_stay_but_the_last_hour_always_does() -> None:
    member = MembershipFactory.create()
    store = Store.objects.get(name=f"guild:{member.guild_id}")
    fill(store, *["{}"] * 10, days=1)
    fill(store, *["{}"] * 3)
    assert "deleted 6 events up to 6" in run("prune_events", days=0, count=7)
    assert "deleted 4 events up to 10" in run("prune_events", days=0, count=1)
    assert list(Event.objects.values_list("seq", flat=True)) == [11, 12, 13]
    assert run("verify_stores") == "Found no faults (logs checked: 1).\n"


def test_a_log_that_is_all_there_is_stays_whole() -> None:
    store = create_store(UserFactory.create(), "notes")
    fill(store, *["{}"] * 5, days=1000)
    run("prune_events", days=1, count=1)
    assert Event.objects.count() == 5
    with pytest.raises(CommandError, match="cannot be pruned"):
        run("prune_events", store="notes")


def test_answers_are_forgotten_with_the_events() -> None:
    member = MembershipFactory.create()
    for n in (1, 2):
        execute(member.guild_id, "Pause", {}, origin=Origin(member.user, Via.REST, command_id=f"pause-{n}"))
    Command.objects.filter(command_id="pause-1").update(created_at=timezone.now() - timedelta(days=91))
    run("prune_events")
    assert [command.command_id for command in Command.objects.all()] == ["pause-2"]


def test_the_daily_pass_prunes_by_the_settings(settings: Settings) -> None:
    member = MembershipFactory.create()
    store = Store.objects.get(name=f"guild:{member.guild_id}")
    fill(store, *["{}"] * 10, days=100)
    fill(create_store(member.user, "notes"), *["{}"] * 10, days=100)
    assert prune_logs() == 2  # 100 days old, and 90
    settings.EVENT_RETENTION_DAYS = 55
    assert prune_logs() == 3
    settings.EVENT_RETENTION_COUNT = 2
    assert prune_logs() == 3
    assert prune_logs() == 0
    settings.EVENT_RETENTION_DAYS = settings.EVENT_RETENTION_COUNT = 0
    assert prune_logs() == 0
    assert Event.objects.count() == 12


# --- tag ---


def test_anonymous_events_get_a_name_after_a_look_at_how_many() -> None:
    person, departed = UserFactory.create(), UserFactory.create()
    notes, other = create_store(person, "notes"), create_store(person, "other")
    dev = nobody().user
    fill(notes, "1", "2", user=dev, auth="anonymous", days=50)
    fill(notes, "3", user=None, auth="anonymous", days=50)
    fill(notes, "4", user=departed, days=50)
    fill(notes, "5", user=None, via=Via.BOT, days=50)
    fill(notes, "6", user=dev, auth="anonymous")
    fill(other, "7", user=dev, auth="anonymous", days=50)
    departed.delete()
    day = (timezone.now() - timedelta(days=2)).date().isoformat()
    shown = run("tag_events", user=person.discord_id, before=day, store="notes")
    assert "app:notes: 3" in shown
    assert "1 more" in shown
    assert "Nothing was written" in shown
    assert not Event.objects.filter(actor=person).exists()
    run("tag_events", user=str(person.pk), before=day, store="notes", apply=True)
    tagged = Event.objects.filter(actor=person)
    assert sorted(tagged.values_list("args", flat=True)) == ["1", "2", "3"]
    assert set(tagged.values_list("auth", flat=True)) == {"anonymous"}
    run("tag_events", user=person.discord_id, before=f"{day}T00:00:00+00:00", departed=True, apply=True)
    assert sorted(tagged.values_list("args", flat=True)) == ["1", "2", "3", "4", "7"]


@pytest.mark.parametrize(
    "options",
    [
        {"user": "nobody", "before": "2026-01-01"},
        {"user": "999999999999999999", "before": "2026-01-01"},
        {"before": "yesterday"},
        {"before": "2026-13-01"},
        {"before": "2026-01-01", "store": "not-there"},
    ],
)
def test_a_tag_that_cannot_be_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        run("tag_events", **{"user": UserFactory.create().discord_id, **options})
