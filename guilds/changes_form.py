"""A form of the admin's for rows that are written by the domain: only what was changed is."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Model

from accounts.errors import InvalidInput


class ChangesForm[M: Model](forms.ModelForm[M]):
    """`changes`, once valid: what differs from what the form showed. What others changed meanwhile stays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer()
        for field in self.fields.values():
            field.show_hidden_initial = True

    def offer(self) -> None:
        """Set the choices of the fields that have some."""

    def check(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return what is to be written. Raises InvalidInput."""
        raise NotImplementedError

    def choose(self, name: str, choices: list[tuple[str, str]], *, none: str = "") -> None:
        """Offer choices in a field, and what it holds if that is gone; none of them under the name `none`."""
        chosen = getattr(self.instance, name)
        if chosen and chosen not in dict(choices):
            choices = [*choices, (chosen, f"gone ({chosen})")]
        if none:
            choices = [("", none), *choices]
        self.fields[name] = forms.ChoiceField(
            choices=choices, required=not none, label=self.fields[name].label
        )

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
