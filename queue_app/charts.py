"""Charts as SVG: the numbers that the templates draw. Coordinates are whole, because templates localize fractions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WIDTH, HEIGHT = 1200, 200
LINES = 3


def bars(values: Sequence[int]) -> dict[str, Any]:
    """Return bars `{x, y, width, height, value}` in a box of WIDTH × HEIGHT, and the lines of the grid behind them."""
    top = ceiling(max(values, default=0))
    step = WIDTH / max(1, len(values))
    gap = min(8, step * 0.25)
    drawn = [
        {
            "x": round(at * step + gap / 2),
            "width": max(1, round(step - gap)),
            "height": height,
            "y": HEIGHT - height,
            "value": value,
        }
        for at, value in enumerate(values)
        if (height := max(3, round(HEIGHT * value / top)) if value else 0)
    ]
    grid = [
        {"y": HEIGHT - HEIGHT * line // LINES, "value": top * line // LINES} for line in range(1, LINES + 1)
    ]
    return {"bars": drawn, "grid": grid, "width": WIDTH, "height": HEIGHT, "most": max(values, default=0)}


def ceiling(most: int) -> int:
    """Return the number at the top of a chart: the lowest round one that LINES divides."""
    size = LINES
    while size < most:
        for factor in (2, 5, 10):
            if size * factor >= most:
                return size * factor
        size *= 10
    return size


def shares(top: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of a list with the most plays, each with its `share` of those of the first, in percent."""
    most = max((each["plays"] for each in top), default=0)
    return [each | {"share": max(1, 100 * each["plays"] // most)} for each in top]
