"""Model fields that people set: each holds all that the API, the pages, the admin and the docs need to know of it.

`verbose_name` is its label, `help_text` says what it does. The strict checks of JSON are made of the same fields, in
`guilds/serializers.py`.
"""

from __future__ import annotations

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
"""Pairs of value and label, in the order in which they are offered."""


class Setting[Set, Get](models.Field[Set, Get]):
    """`section`: where on its page, not at all when empty. `empty`: the word for null. `works_when`: another setting,
    and what that must be for this one to matter. `template` shows the control."""

    template: ClassVar[str]

    def __init__(
        self,
        *args: Any,
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
        """Return the plain column, so that words, choices and bounds change without a migration."""
        name, _, args, kwargs = super().deconstruct()
        dropped = {"verbose_name", "help_text", "choices", "validators"}
        column = {key: kwargs[key] for key in kwargs if key not in dropped}
        return name, f"django.db.models.{self.get_internal_type()}", list(args), column

    def clone(self) -> Any:  # no Setting, as Django's stubs want it
        """Return that plain field: what a migration knows of this one is compared with it."""
        _, _, args, kwargs = self.deconstruct()
        return getattr(models, self.get_internal_type())(*args, **kwargs)

    def options(self, guild: Any) -> Options:
        """Return what can be chosen in a guild; nothing for what is not a choice."""
        return []

    def kind(self) -> str:
        """Return in a few words what the API takes."""
        raise NotImplementedError


class NumberField[Set, Get](Setting[Set, Get], models.PositiveSmallIntegerField[Set, Get]):
    """A whole number from `low` to `high`; `unit` stands behind it."""

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

    def options(self, guild: Any) -> Options:
        return [(str(value), str(label)) for value, label in self.flatchoices]

    def kind(self) -> str:
        return ", ".join(f"`{value}`" for value, _ in self.flatchoices)


class MirroredField[Set, Get](Setting[Set, Get], models.CharField[Set, Get]):
    """The id of something of the guild's, which may vanish any time."""

    template = "guilds/setting_select.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_length=20, **kwargs)

    def rows(self, guild: Any) -> Any:
        """Return the query of what can be chosen in a guild."""
        raise NotImplementedError

    def options(self, guild: Any) -> Options:
        return [(row.pk, row.name) for row in self.rows(guild)]

    def refusal(self, guild: Any, chosen_id: str) -> str:
        """Return why this cannot be chosen, empty if it can."""
        raise NotImplementedError


class RoleField[Set, Get](MirroredField[Set, Get]):
    def rows(self, guild: Any) -> Any:
        return guild.roles.exclude(pk=guild.pk)

    def refusal(self, guild: Any, chosen_id: str) -> str:
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
    """`types` of channels can be chosen, which are called `called`."""

    def __init__(self, *args: Any, types: tuple[int, ...], called: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.types, self.called = types, called

    def rows(self, guild: Any) -> Any:
        return guild.channels.filter(type__in=self.types)

    def refusal(self, guild: Any, chosen_id: str) -> str:
        found = self.rows(guild).filter(pk=chosen_id).exists()
        return "" if found else str(_WRONG_TYPE[self.called])

    def kind(self) -> str:
        return f"the id of a {self.called} channel{', or null' if self.null else ''}"


def known_sources() -> dict[str, str]:
    """Return label by name of every source of tracks there is."""
    answers: list[tuple[Any, Any]] = listing_sources.send(SourcesField)
    return {name: label for _, sources in answers for name, label in sources.items()}


class SourcesField[Set, Get](Setting[Set, Get], models.JSONField[Set, Get]):
    """Names of sources, in their order; null: all there are, those of later versions too."""

    template = "guilds/setting_checks.html"

    def formfield(self, **kwargs: Any) -> forms.Field:
        return forms.MultipleChoiceField(
            choices=lambda: self.options(None),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            label=self.verbose_name,
            help_text=format_lazy(
                "{} {}", self.help_text, gettext_lazy("If none is selected, all are allowed.")
            ),
        )

    def options(self, guild: Any) -> Options:
        return list(known_sources().items())

    def kind(self) -> str:
        return f"a list of {', '.join(f'`{name}`' for name in known_sources())}; null: all, later ones too"


def settings_in(model: type[models.Model]) -> list[Setting[Any, Any]]:
    """Return the settings that a model declares, in their order."""
    return [field for field in model._meta.fields if isinstance(field, Setting)]


def mirrored_in(model: type[models.Model]) -> dict[str, MirroredField[Any, Any]]:
    """Return by name those settings of a model that are a role or a channel."""
    return {field.name: field for field in settings_in(model) if isinstance(field, MirroredField)}


def refusals(model: type[models.Model], guild: Any, changes: dict[str, Any]) -> dict[str, list[str]]:
    """Return sentences by name for roles and channels among `changes` that the guild does not have to choose from."""
    fields = mirrored_in(model)
    found = {
        name: fields[name].refusal(guild, chosen)
        for name, chosen in changes.items()
        if name in fields and chosen is not None
    }
    return {name: [sentence] for name, sentence in found.items() if sentence}
