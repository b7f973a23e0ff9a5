"""The OpenAPI document of the REST API, as `/api/schema` serves it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator


@cache
def openapi() -> dict[str, Any]:
    generator = SchemaGenerator()
    document: dict[str, Any] = generator.get_schema(request=None, public=True)
    return document


def openapi_json() -> str:
    return json.dumps(openapi(), indent=2, ensure_ascii=False) + "\n"
