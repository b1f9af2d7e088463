"""The header of a catalogue: what its rows were made with.

Conventions
-----------
``catalog.json`` in the catalogue's folder, written in one step. Rows made by another space, model
or schema mean something else, so a catalogue is only opened by an installation that would write
the same header; the version of hevner and the folders are noted, not compared. An encoder for
searches by text may be named too; it is compared when it is used (`check_encoder`).
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hevner import __version__
from hevner.defaults import identity
from hevner.emotion import UNIT
from hevner.errors import CatalogError
from hevner.files import cannot_write, display_name, replace_file

if TYPE_CHECKING:
    from hevner.encoders.base import EncoderCard
    from hevner.model.space import Space

NAME = "catalog.json"
SCHEMA = 1
"""Version of the tables and their columns."""

NOT_COMPARED = ("hevner", "folders", "encoder", "encoder_version")

PRECISIONS = ("-bfloat16", "-float16")
"""Endings of versions of encoders that were not run in float32."""


@dataclass(frozen=True)
class Header:
    """What a catalogue was made with.

    Attributes
    ----------
    schema
        Version of the tables.
    hevner
        Version of hevner that made it.
    space, digest
        Name of the common space and digest of its parameters.
    model
        Identity of the emotion model and its options, `hevner.defaults.identity`.
    vector
        Length of a first-stage vector.
    correlated, gaussian
        Lengths of the two parts of a place in the space.
    scale
        Name of the scale of valence and arousal.
    folders
        Folders that were indexed, as absolute paths.
    encoder, encoder_version
        The encoder that makes pieces searchable by text (`hevner.catalog.encoding`); empty for
        none.
    """

    schema: int
    hevner: str
    space: str
    digest: str
    model: str
    vector: int
    correlated: int
    gaussian: int
    scale: str = UNIT.name
    folders: tuple[str, ...] = ()
    encoder: str = ""
    encoder_version: str = ""

    def with_folders(self, folders: list[str]) -> Header:
        """The same with more folders, each once."""
        return dataclasses.replace(self, folders=tuple(dict.fromkeys((*self.folders, *folders))))

    def with_encoder(self, card: EncoderCard) -> Header:
        """The same with the encoder for searches by text."""
        return dataclasses.replace(self, encoder=card.id, encoder_version=card.version)


def current(space: Space) -> Header:
    """The header that this installation writes."""
    place = space.at_large
    return Header(
        schema=SCHEMA,
        hevner=__version__,
        space=space.name,
        digest=space.digest,
        model=identity(),
        vector=space.width,
        correlated=place.correlated.shape[1],
        gaussian=place.mean.shape[1],
    )


def write(folder: Path, header: Header) -> None:
    """Put the header into a catalogue's folder.

    Raises
    ------
    OutputError
        If it cannot be written; an old one is then untouched.
    """
    path = folder / NAME
    try:
        replace_file(path, json.dumps(dataclasses.asdict(header), indent=1).encode())
    except OSError as error:
        raise cannot_write(path, error) from error


def read(folder: Path) -> Header:
    """The header of the catalogue in a folder.

    Raises
    ------
    CatalogError
        If there is none, it is damaged, or it was made by a newer hevner.
    """
    path = folder / NAME
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        if any(folder.glob("*.lance")):
            raise _damaged(path, "it is missing", folder) from error
        raise CatalogError(
            "there is no catalogue here",
            subject=display_name(folder),
            remedy=f"Make one with 'hevner index FOLDER --into {display_name(folder)}'",
            code="file_missing",
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error), folder) from error
    return _parsed(record, path, folder)


def _parsed(record: Any, path: Path, folder: Path) -> Header:
    schema = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(schema, int):
        raise _damaged(path, "it names no schema", folder)
    if schema > SCHEMA:
        raise CatalogError(
            f"it was made by a newer hevner ({record.get('hevner')}): its schema is {schema}, "
            f"this version knows up to {SCHEMA}",
            subject=display_name(path),
            remedy="Update hevner, or " + rebuilding(folder, record.get("folders", ())),
            code="newer_version",
        )
    try:
        header = Header(**{**record, "folders": tuple(record["folders"])})
    except (TypeError, KeyError) as error:
        raise _damaged(path, str(error), folder) from error
    for field in dataclasses.fields(Header):
        wanted = {"int": int, "str": str}.get(str(field.type), tuple)
        if not isinstance(getattr(header, field.name), wanted):
            raise _damaged(path, f"{field.name} is not a {wanted.__name__}", folder)
    return header


def check(folder: Path, found: Header, wanted: Header) -> None:
    """Compare a catalogue with this installation.

    Raises
    ------
    CatalogError
        If it was made with anything else.
    """
    for field in dataclasses.fields(Header):
        old, new = getattr(found, field.name), getattr(wanted, field.name)
        if field.name not in NOT_COMPARED and old != new:
            raise CatalogError(
                f"the catalogue was made with another {WORDS[field.name]}: {old}, here {new}",
                subject=display_name(folder),
                remedy="To analyse the music anew, "
                + rebuilding(folder, found.folders, found.encoder),
                code=f"other_{WORDS[field.name]}",
            )


def check_encoder(folder: Path, found: Header, card: EncoderCard) -> None:
    """Compare the encoder of a catalogue's pieces with the one that is to be used.

    Versions that differ in the precision of the arithmetic alone pass: rounding turns a vector by
    far less than what lies between two pieces.

    Raises
    ------
    CatalogError
        If it is another one, or has other weights.
    """
    old, new = (found.encoder, found.encoder_version), (card.id, card.version)
    if found.encoder and (old[0] != new[0] or _weights(old[1]) != _weights(new[1])):
        raise CatalogError(
            f"the pieces were encoded by {' '.join(old)}, here it would be {' '.join(new)}",
            subject=display_name(folder),
            remedy="To analyse the music anew, " + rebuilding(folder, found.folders, card.id),
            code="other_encoder",
        )


def _weights(version: str) -> str:
    for precision in PRECISIONS:
        version = version.removesuffix(precision)
    return version


WORDS = {
    "schema": "schema",
    "space": "space",
    "digest": "space",
    "model": "model",
    "vector": "space",
    "correlated": "space",
    "gaussian": "space",
    "scale": "scale",
}
"""Part of hevner that each compared field belongs to."""


def indexing(folder: Path, folders: Any = (), encoder: str = "") -> str:
    """The command that brings a catalogue up to date, as the end of a sentence."""
    sources = [str(source) for source in folders] or ["FOLDER"]
    words = ["hevner", "index", *sources, "--into", display_name(folder)]
    return "run: " + shlex.join([*words, "--encoder", encoder] if encoder else words)


def rebuilding(folder: Path, folders: Any = (), encoder: str = "") -> str:
    """The command that makes a catalogue anew, as the end of a sentence."""
    return indexing(folder, folders, encoder) + " --rebuild"


def _damaged(path: Path, why: str, folder: Path) -> CatalogError:
    return CatalogError(
        f"the header is damaged ({why})",
        subject=display_name(path),
        remedy="To analyse the music anew, " + rebuilding(folder),
        code="damaged",
    )
