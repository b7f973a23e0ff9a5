"""The results of commands, for the OpenAPI document. Importing this module registers them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction

from queue_app.commands import COMMANDS


class ResultShapes(OpenApiSerializerFieldExtension):
    target_class = "queue_app.command_serializers.ResultField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        shapes = dict.fromkeys(command.result for command in COMMANDS.values())
        return {"anyOf": [auto_schema.resolve_serializer(shape, direction).ref for shape in shapes]}
