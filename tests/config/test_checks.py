"""A database of another version is refused before it is touched."""

from __future__ import annotations

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def other_version(db: None) -> None:
    MigrationRecorder(connection).record_applied("guilds", "0099_of_tomorrow")


def test_serve_and_migrate_refuse_what_another_version_wrote(other_version: None) -> None:
    with pytest.raises(
        CommandError, match=r"Another version of Backline wrote this database\. Start that version"
    ):
        call_command("serve")
    with pytest.raises(SystemCheckError, match="Another version of Backline"):
        call_command("migrate", skip_checks=False)


def test_migrations_of_libraries_are_their_own_matter(db: None) -> None:
    MigrationRecorder(connection).record_applied("socialaccount", "0099_of_tomorrow")
    MigrationRecorder(connection).record_applied("of_an_app_that_was_taken_out", "0001_initial")
    assert checks.run_checks(tags=[checks.Tags.database], databases=["default"]) == []
