"""An admin form for rows that domain code writes: it passes on only the fields that were changed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model
from django.utils.text import capfirst

from accounts.errors import InvalidInput
from guilds.setting_fields import MirroredField, mirrored_in


class ChangesForm[M: Model](forms.ModelForm[M]):
    """After validation, `changes` has the fields that differ from what the form showed.

    Other fields are not written, so changes that others made in the meantime stay.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # as of Django's forms
        super().__init__(*args, **kwargs)
        for setting in mirrored_in(self._meta.model).values():
            self.offer(setting)
        for field in self.fields.values():
            field.show_hidden_initial = True

    def offer(self, setting: MirroredField[Any, Any]) -> None:
        """Offer the guild's roles or channels, and the current choice even if it was deleted."""
        row: Any = self.instance  # any model with a `guild`
        choices, chosen = setting.options(row.guild), getattr(row, setting.name)
        if chosen and chosen not in dict(choices):
            choices.append((chosen, f"gone ({chosen})"))
        if setting.empty:
            choices.insert(0, ("", setting.empty))
        self.fields[setting.name] = forms.ChoiceField(
            choices=choices,
            required=not setting.empty,
            label=capfirst(setting.verbose_name),
            help_text=setting.help_text,
        )

    def check(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the cleaned changes to write. Raises InvalidInput."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        cleaned = {name: None if value in ("", []) else value for name, value in self.cleaned_data.items()}
        self.changes = {name: cleaned[name] for name in self.changed_data if name in cleaned}
        try:
            if self.changes:
                self.changes = self.check(self.changes)
        except InvalidInput as error:
            for name, sentences in error.errors.items():
                self.add_error(name, sentences)
        return cleaned
