"""Model fields for settings. Each declares all that the API, the pages, the admin and the docs need.

`verbose_name` is the label, and `help_text` explains the setting. `guilds/serializers.py` builds the strict JSON checks
from the same fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from guilds.signals import listing_sources

type Options = list[tuple[str, str]]
"""Pairs of value and label, in the order in which the page shows them."""


class Setting[Set, Get](models.Field[Set, Get]):
    """Base of all settings.

    `section`: the section of the settings page; if empty, the page does not show the setting. `empty`: the label for
    None. `works_when`: another setting, and the value that it must have for this one to take effect. `template` renders
    the control.
    """

    template: ClassVar[str]

    def __init__(
        self,
        *args: Any,  # as of Django's fields, like `kwargs`, here and below
        section: str = "",
        empty: str = "",
        works_when: tuple[str, object] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.empty = empty
        self.works_when = works_when

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Return the plain column, so that labels, choices and bounds can change without a migration."""
        name, _, args, kwargs = super().deconstruct()
        dropped = {"verbose_name", "help_text", "choices", "validators"}
        column = {key: kwargs[key] for key in kwargs if key not in dropped}
        return name, f"django.db.models.{self.get_internal_type()}", list(args), column

    def clone(self) -> Any:  # Django's stubs expect a Setting, but this returns a plain field
        """Return the plain field of `deconstruct`: Django compares it with the field in the migrations."""
        _, _, args, kwargs = self.deconstruct()
        return getattr(models, self.get_internal_type())(*args, **kwargs)

    def options(self, guild: models.Model) -> Options:
        """Return the options in a guild, or an empty list for settings without options."""
        return []

    def kind(self) -> str:
        """Return a short description of the values that the API accepts."""
        raise NotImplementedError


class NumberField[Set, Get](Setting[Set, Get], models.PositiveSmallIntegerField[Set, Get]):
    """A whole number from `low` to `high`, shown with its `unit`."""

    template = "guilds/setting_number.html"

    def __init__(self, *args: Any, low: int, high: int, unit: str | Promise, **kwargs: Any) -> None:
        super().__init__(*args, validators=[MinValueValidator(low), MaxValueValidator(high)], **kwargs)
        self.low, self.high, self.unit = low, high, unit

    def kind(self) -> str:
        return f"{self.low} to {self.high} ({self.unit}){', or null' if self.null else ''}"


class SwitchField[Set, Get](Setting[Set, Get], models.BooleanField[Set, Get]):
    template = "guilds/setting_switch.html"

    def kind(self) -> str:
        return "true or false"


class ChoiceField[Set, Get](Setting[Set, Get], models.CharField[Set, Get]):
    template = "guilds/setting_select.html"

    def options(self, guild: object) -> Options:
        return [(str(value), str(label)) for value, label in self.flatchoices]

    def kind(self) -> str:
        return ", ".join(f"`{value}`" for value, _ in self.flatchoices)


class MirroredField[Set, Get](Setting[Set, Get], models.CharField[Set, Get]):
    """The id of a role or channel of the guild, which may be deleted in Discord at any time."""

    template = "guilds/setting_select.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_length=20, **kwargs)

    def rows(self, guild: models.Model) -> models.QuerySet[Any]:
        """Return a query of the roles or channels that can be chosen in a guild."""
        raise NotImplementedError

    def options(self, guild: models.Model) -> Options:
        return [(row.pk, row.name) for row in self.rows(guild)]

    def refusal(self, guild: models.Model, chosen_id: str) -> str:
        """Return a sentence about why `chosen_id` cannot be chosen, or an empty string if it can."""
        raise NotImplementedError


class RoleField[Set, Get](MirroredField[Set, Get]):
    def rows(self, guild: Any) -> Any:  # a Guild, whose module imports this one
        return guild.roles.exclude(pk=guild.pk)

    def refusal(self, guild: models.Model, chosen_id: str) -> str:
        if chosen_id == guild.pk:
            return _("Everyone has this role. Choose another, or none.")
        return "" if self.rows(guild).filter(pk=chosen_id).exists() else _("This server has no such role.")

    def kind(self) -> str:
        return "the id of a role, or null"


_WRONG_TYPE = {
    "text": gettext_lazy("This is not a text channel of this server."),
    "voice": gettext_lazy("This is not a voice channel of this server."),
}


class ChannelField[Set, Get](MirroredField[Set, Get]):
    """The id of a channel of one of `types`. `called` is the word for them in sentences: `text` or `voice`."""

    def __init__(self, *args: Any, types: tuple[int, ...], called: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.types, self.called = types, called

    def rows(self, guild: Any) -> Any:  # a Guild, whose module imports this one
        return guild.channels.filter(type__in=self.types)

    def refusal(self, guild: models.Model, chosen_id: str) -> str:
        found = self.rows(guild).filter(pk=chosen_id).exists()
        return "" if found else str(_WRONG_TYPE[self.called])

    def kind(self) -> str:
        return f"the id of a {self.called} channel{', or null' if self.null else ''}"


def known_sources() -> dict[str, str]:
    """Return the labels of all sources of tracks, by name."""
    answers: list[tuple[Any, Any]] = listing_sources.send(SourcesField)
    return {name: _(label) for _receiver, sources in answers for name, label in sources.items()}


class SourcesField[Set, Get](Setting[Set, Get], models.JSONField[Set, Get]):
    """Names of sources, sorted. None allows all sources, including those of later versions."""

    template = "guilds/setting_checks.html"

    def formfield(self, **kwargs: object) -> forms.Field:
        return forms.MultipleChoiceField(
            choices=lambda: self.options(None),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            label=self.verbose_name,
            help_text=format_lazy(
                "{} {}", self.help_text, gettext_lazy("If none is selected, all are allowed.")
            ),
        )

    def options(self, guild: object) -> Options:
        return list(known_sources().items())

    def kind(self) -> str:
        names = ", ".join(f"`{name}`" for name in known_sources())
        return f"a list of {names}, or null for all, including later ones"


def settings_in(model: type[models.Model]) -> list[Setting[Any, Any]]:
    """Return the settings that a model declares, in order."""
    return [field for field in model._meta.fields if isinstance(field, Setting)]


def labels_of(model: type[models.Model], names: Iterable[str]) -> str:
    """Return the labels of a model's settings, separated by commas. Settings of another version keep their names."""
    labels = {field.name: str(field.verbose_name) for field in settings_in(model)}
    return ", ".join(labels.get(name, name) for name in names)


def mirrored_in(model: type[models.Model]) -> dict[str, MirroredField[Any, Any]]:
    """Return the settings of a model that hold a role or a channel, by name."""
    return {field.name: field for field in settings_in(model) if isinstance(field, MirroredField)}


def refusals(model: type[models.Model], guild: models.Model, changes: dict[str, Any]) -> dict[str, list[str]]:
    """Return a sentence for each role or channel in `changes` that cannot be chosen in the guild, by setting."""
    fields = mirrored_in(model)
    found = {
        name: fields[name].refusal(guild, chosen)
        for name, chosen in changes.items()
        if name in fields and chosen is not None
    }
    return {name: [sentence] for name, sentence in found.items() if sentence}
