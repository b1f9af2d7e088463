"""``hevner moods``: the words that an analysis uses for tags, and those for searching."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option


def moods(
    words: Annotated[
        bool,
        Option(
            "--words",
            help="List the words for 'hevner search' instead: valence, arousal and synonyms.",
        ),
    ] = False,
) -> None:
    """List the mood and theme tags by kind: meaning, and the tags that contradict each."""
    if words:
        _words()
        return
    from hevner.moods import GROUPS, in_group, opposed

    for group, meaning in GROUPS.items():
        typer.echo(f"{group}: {meaning}")
        for tag in in_group(group):
            contrary = ", ".join(opposed(tag.name))
            against = f" (against: {contrary})" if contrary else ""
            typer.echo(f"  {tag.name:<14}{tag.meaning}{against}")


def _words() -> None:
    from hevner.words import DEGREES, WORDS

    for word in WORDS:
        if word.valence is None or word.arousal is None:
            place = "-"
        else:
            place = f"{word.valence:+.2f} {word.arousal:+.2f}"
        same = f"  {', '.join(word.synonyms)}" if word.synonyms else ""
        typer.echo(f"{word.name:<14}{place:<13}{'/'.join(word.sources)}{same}")
    named = [", ".join(degree.phrases) for degree in DEGREES if degree.name]
    typer.echo(f"Degrees, from little to much: {'; '.join(named)}.")
