"""Rows of tables with an attribute for each column, NaN where a row has no value."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any


def named(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[SimpleNamespace]:
    """Rows as objects; a row with an unknown column is an error."""
    assert all(row.keys() <= set(columns) for row in rows)
    empty = dict.fromkeys(columns, float("nan"))
    return [SimpleNamespace(**empty | row) for row in rows]
