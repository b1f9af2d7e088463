"""A person's own words, from a TOML file.

::

    [synonyms]
    bouncy = "very fun"

    [words.homely]
    valence = 0.5
    arousal = -0.3

Conventions
-----------
The standard library only. A synonym stands for one word, with a degree or without. Valence and
arousal are on the unit scale. A name given here counts before a shipped one; a word
takes the place of the shipped one of its name and keeps its synonyms.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from hevner.errors import DataError, HevnerError
from hevner.files import display_name
from hevner.text_file import read_toml
from hevner.words.degrees import split
from hevner.words.entries import Word
from hevner.words.lexicon import Lexicon, plain

FORM = 'Write [synonyms] with NAME = "very happy", and [words.NAME] with valence and arousal'


def load(path: Path, lexicon: Lexicon | None = None) -> Lexicon:
    """Add the words of a file to a lexicon.

    Parameters
    ----------
    path
        TOML, as above.
    lexicon
        The shipped one if None.

    Raises
    ------
    DataError
        If the file cannot be read or has another form.
    """
    known = lexicon or Lexicon()
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        raise _wrong(path, f"cannot be read ({cause})") from error
    if strange := sorted(content.keys() - {"synonyms", "words"}):
        raise _wrong(path, f"'{strange[0]}' is neither synonyms nor words")
    words = _table(path, content, "words")
    shipped = {word.name: word for word in known.words}
    own = tuple(_word(path, name, words[name], shipped) for name in words)
    names = {word.name for word in own}
    extended = dataclasses.replace(
        known, words=own + tuple(word for word in known.words if word.name not in names)
    )
    phrases = dict(known.phrases or {})
    for name, meaning in _table(path, content, "synonyms").items():
        if not isinstance(meaning, str):
            raise _wrong(path, f"the meaning of '{name}' is not text")
        try:
            phrases[_name(path, name)] = extended.feeling(meaning)
        except HevnerError as error:
            raise DataError(
                f"in the meaning of '{name}', {error.cause}",
                subject=display_name(path),
                remedy=error.remedy,
                code="bad_words",
            ) from error
    return dataclasses.replace(extended, phrases=phrases)


def _table(path: Path, content: dict[str, Any], key: str) -> dict[str, Any]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise _wrong(path, f"{key} is not a table")
    return table


def _word(path: Path, name: str, content: object, shipped: dict[str, Word]) -> Word:
    if not isinstance(content, dict) or set(content) != {"valence", "arousal"}:
        raise _wrong(path, f"[words.{name}] does not hold valence and arousal alone")
    for axis, value in content.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not -1 <= value <= 1:
            raise _wrong(path, f"{axis} of '{name}' is not a number in [-1, 1]")
    read = _name(path, name)
    synonyms = shipped[read].synonyms if read in shipped else ()
    return Word(
        read, ("own",), float(content["valence"]), float(content["arousal"]), synonyms=synonyms
    )


def _name(path: Path, text: str) -> str:
    """A name that can be read back."""
    name = plain(text)
    separated = any(sign in f" {name} " for sign in (",", ";", "+", "&", "->", " and "))
    if not name or separated or split(name)[0] is not None:
        raise _wrong(path, f"'{text}' cannot be a name: it reads as several words or a degree")
    return name


def _wrong(path: Path, cause: str) -> DataError:
    return DataError(cause, subject=display_name(path), remedy=FORM, code="bad_words")
