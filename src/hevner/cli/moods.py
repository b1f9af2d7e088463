"""``hevner moods``: the words that an analysis uses for tags."""

from __future__ import annotations

import typer


def moods() -> None:
    """List the mood and theme tags by kind: meaning, and the tags that contradict each."""
    from hevner.moods import GROUPS, in_group, opposed

    for group, words in GROUPS.items():
        typer.echo(f"{group}: {words}")
        for tag in in_group(group):
            contrary = ", ".join(opposed(tag.name))
            against = f" (against: {contrary})" if contrary else ""
            typer.echo(f"  {tag.name:<14}{tag.meaning}{against}")
