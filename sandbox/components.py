"""Buttons and select menus of messages, as people press and choose them."""

from sandbox.errors import Refused
from sandbox.model import Json


def find_component(components: list[Json], custom_id: str) -> Json | None:
    """Return the button or select with this custom_id, at any depth, or None."""
    for component in components:
        if component.get("custom_id") == custom_id:
            return component
        inner = [
            *component.get("components", []),
            *([component["accessory"]] if "accessory" in component else []),
        ]
        if found := find_component(inner, custom_id):
            return found
    return None


def chosen_values(component: Json, values: list[str]) -> list[str]:
    """Check the values that a person chose from a select menu. Raises Refused."""
    low, high = component.get("min_values", 1), component.get("max_values", 1)
    if not low <= len(values) <= high:
        raise Refused(400, "INVALID_VALUES", f"Choose from {low} to {high} values")
    if component["type"] == 3:
        known = {option["value"] for option in component["options"]}
        if unknown_values := [value for value in values if value not in known]:
            raise Refused(400, "INVALID_VALUES", f"There is no option {unknown_values[0]!r}")
    return values
