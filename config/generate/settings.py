"""The tables of settings in the docs, generated from the models that declare them."""

from __future__ import annotations

import json

from django.db import models

from guilds.setting_fields import Setting, settings_in


def settings_table(model: type[models.Model]) -> str:
    """Return a Markdown table with the values, default and meaning of each setting of a model."""
    rows = [
        f"| `{field.name}` | {field.kind()} | {_default(field)} | **{field.verbose_name}**. {field.help_text} |\n"
        for field in settings_in(model)
    ]
    return "".join(["| setting | value | default | what it does |\n", "| --- | --- | --- | --- |\n", *rows])


def _default(field: Setting[object, object]) -> str:
    required = not field.has_default() and not field.null
    return "required" if required else f"`{json.dumps(field.get_default())}`"
