"""The header of a catalogue: what its rows were made with.

Conventions
-----------
``catalog.json`` in the catalogue's folder, written in one step. Rows made by another space, model
or schema mean something else, so a catalogue is only opened by an installation that would write
the same header: it must have the space and the model (`model_of`). The version of hevner and the
folders are noted, not compared. An encoder for searches by text may be named too; it is compared
when it is used (`check_encoder`). The file has a checksum, so that a changed bit of it is noticed;
files of early versions have none.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hevner import __version__
from hevner.catalog import seal
from hevner.defaults import DEFAULT_MODEL, identity
from hevner.emotion import UNIT
from hevner.encoders.base import EncoderCard
from hevner.errors import CatalogError
from hevner.files import cannot_write, display_name, write_file
from hevner.model import registry
from hevner.model.space import Space
from hevner.object_path import ChangedError, Location, ObjectPath
from hevner.text_file import read_json

NAME = "catalog.json"
SCHEMA = 2
"""Version of the tables and their columns; 1 had no tension, basic emotions, mode, candidates of
the key, nor kind of music."""

NOT_COMPARED = (
    *("hevner", "folders", "encoder", "encoder_version", "model_name", "model_file"),
    *("tables", "mounts"),
)

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
    model_name, model_file
        Name and version of the model, and where its graph lies; the second is empty for the one
        that comes with hevner, both are empty in older catalogues.
    vector, correlated, gaussian
        Lengths of a first-stage vector and of the two parts of a place in the space.
    folders
        Folders that were indexed, as absolute paths.
    encoder, encoder_version
        The encoder that makes pieces searchable by text (`hevner.catalog.encoding`); empty for
        none.
    tables
        Folder of the tables in that of the catalogue (`hevner.catalog.renewal`); empty for itself.
    mounts
        Folders at which a drive was mounted that music was found on, each as the number of the
        device and the path.
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
    model_name: str = ""
    model_file: str = ""
    tables: str = ""
    mounts: tuple[str, ...] = ()


def current(space: Space, model: Path | None = None) -> Header:
    """The header that this installation writes, for a model's graph; the default model if None."""
    place, path = space.at_large, model or DEFAULT_MODEL
    return Header(
        schema=SCHEMA,
        hevner=__version__,
        space=space.name,
        digest=space.digest,
        model=identity(model=model),
        model_name=registry.read(path.with_suffix(".json")).name,
        model_file="" if path == DEFAULT_MODEL else str(path.absolute()),
        vector=space.width,
        correlated=place.correlated.shape[1],
        gaussian=place.mean.shape[1],
    )


def write(folder: Location, header: Header) -> None:
    """Put the header into a catalogue's folder; raises `OutputError` if that is not possible."""
    write_file(folder / NAME, _content(header))


def change(folder: ObjectPath, made: Callable[[Header | None], Header]) -> Header:
    """Change the header in an object store by a function of the one that is there, None for none.

    It is called again if another process was first, so that no change is lost. Returns the new one;
    raises what `read` and `write` raise.
    """
    path = folder / NAME
    while True:
        try:
            try:
                content, tag = path.read()
                found = parsed(folder, json.loads(content))
            except FileNotFoundError:
                found, tag = None, ""
            if (new := made(found)) != found:
                path.write(_content(new), tag)
            return new
        except ChangedError:
            continue
        except ValueError as error:
            raise _unreadable(folder, str(error)) from error
        except OSError as error:
            raise cannot_write(path, error) from error


def _content(header: Header) -> bytes:
    record = dataclasses.asdict(header)
    record["checksum"] = seal.digest_of(record)
    return json.dumps(record, indent=1).encode()


def read(folder: Location) -> Header:
    """The header of the catalogue in a folder.

    Raises `CatalogError` if there is none, it is damaged, or it was made by a newer hevner.
    """
    path = folder / NAME
    try:
        record = read_json(path)
    except FileNotFoundError as error:
        if any(folder.glob("*.lance")) or any(folder.glob("tables-*")):
            raise _unreadable(folder, "it is missing") from error
        remedy = f"Make one with 'hevner index FOLDER --into {display_name(folder)}'"
        raise refused("file_missing", folder, "there is no catalogue here", remedy) from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and isinstance(folder, ObjectPath):
            raise unreachable(folder, error.strerror or str(error)) from error
        raise _unreadable(folder, str(error)) from error
    return parsed(folder, record)


def parsed(folder: Location, record: Any) -> Header:
    """The header of the catalogue in a folder from its JSON values; raises as `read` does."""
    path = folder / NAME
    schema = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(schema, int):
        raise _unreadable(folder, "it names no schema")
    sealed, newer = record.pop("checksum", None), ""
    if schema > SCHEMA:
        newer = f"its schema is {schema}, this version knows up to {SCHEMA}"
    elif sealed not in (None, seal.digest_of(record)):
        raise _unreadable(folder, "it is not as it was written")
    elif sealed and (strange := record.keys() - {one.name for one in dataclasses.fields(Header)}):
        newer = f"its header has {min(strange)!r}, which this version does not know"
    if newer:
        cause = f"it was made by a newer hevner ({record.get('hevner')}): {newer}"
        again = command(folder, record.get("folders", ()), rebuild=True)
        raise refused("newer_version", path, cause, f"Update hevner, or run: {again}")
    try:
        several = {name: tuple(record[name]) for name in ("folders", "mounts") if name in record}
        header = Header(**{**record, **several})
    except (TypeError, KeyError) as error:
        raise _unreadable(folder, str(error)) from error
    for field in dataclasses.fields(Header):
        wanted = {"int": int, "str": str}.get(str(field.type), tuple)
        if not isinstance(getattr(header, field.name), wanted):
            raise _unreadable(folder, f"{field.name} is not a {wanted.__name__}")
    return header


def model_of(found: Header) -> Path:
    """The graph of the model that a catalogue was made with; the default one if it is not here."""
    candidates = [entry.graph for entry in registry.registered()[0]]
    if found.model_file:
        candidates.insert(0, Path(found.model_file))
    if found.model != identity():
        for path in candidates:
            if path.is_file() and identity(model=path) == found.model:
                return path
    return DEFAULT_MODEL


def check(folder: Location, found: Header, wanted: Header) -> None:
    """Raise a `CatalogError` if a catalogue was made with anything but what is wanted."""
    for field in dataclasses.fields(Header):
        old, new = getattr(found, field.name), getattr(wanted, field.name)
        if field.name not in NOT_COMPARED and old != new:
            # All other fields depend on the space.
            what = field.name if field.name in ("schema", "model", "scale") else "space"
            cause = f"the catalogue was made with another {what}: {old}, here {new}"
            again = command(folder, found.folders, found.encoder, model=_own(found))
            remedy = f"To read its pieces anew, run: {again}"
            if what == "model" and found.model_file and not wanted.model_file:
                cause = f"it was made with the model {found.model_name} ({old}), which is not here"
                remedy = f"Add that model with 'hevner models add FILE'. {remedy}"
            raise refused(f"other_{what}", folder, cause, remedy)


def check_model(folder: Location, found: Header, model: Path) -> None:
    """Raise a `CatalogError` if a catalogue was made with another model than this graph."""
    if identity(model=model) != found.model:
        name = registry.read(model.with_suffix(".json")).name
        cause = f"its pieces were analysed by {found.model_name or 'another model'}, not by {name}"
        again = command(folder, found.folders, found.encoder, model=_option(model))
        remedy = f"Leave out --model, name a new catalogue, or read the pieces anew: {again}"
        raise refused("mixed_models", folder, cause, remedy)


def check_encoder(folder: Location, found: Header, card: EncoderCard) -> None:
    """Raise a `CatalogError` if a catalogue's pieces were encoded by other weights.

    Versions that differ in the precision of the arithmetic alone pass: rounding turns a vector by
    far less than what lies between two pieces.
    """
    old, new = (found.encoder, found.encoder_version), (card.id, card.version)
    if found.encoder and (old[0] != new[0] or weights_of(old[1]) != weights_of(new[1])):
        cause = f"the pieces were encoded by {' '.join(old)}, here it would be {' '.join(new)}"
        remedy = rebuilding(folder, dataclasses.replace(found, encoder=card.id))
        raise refused("other_encoder", folder, cause, remedy)


def weights_of(version: str) -> str:
    """A version of an encoder without the precision of its arithmetic."""
    for precision in PRECISIONS:
        version = version.removesuffix(precision)
    return version


def repairing(folder: Location) -> str:
    """How to repair a catalogue, as a remedy."""
    if isinstance(folder, ObjectPath):
        return rebuilding(folder)
    words = ["hevner", "index", "--verify", "--into", display_name(folder)]
    return f"To mend it and keep all that is sound, run: {shlex.join(words)}"


def command(
    folder: Location, folders: Any = (), encoder: str = "", rebuild: bool = False, model: str = ""
) -> str:
    """The command that brings a catalogue up to date, or makes it anew."""
    sources = [str(source) for source in folders] or ["FOLDER"]
    words = ["hevner", "index", *sources, "--into", display_name(folder)]
    words += ["--encoder", encoder] if encoder else []
    words += ["--model", model] if model else []
    return shlex.join([*words, "--rebuild"] if rebuild else words)


def _own(header: Header) -> str:
    """The option for a model of one's own; else a catalogue takes what hevner comes with now."""
    own = Path(header.model_file)
    return _option(own) if own.is_file() else ""


def _option(graph: Path) -> str:
    """What to give as ``--model``; empty for the default model."""
    entry = registry.read(graph.with_suffix(".json"))
    return "" if entry.default else entry.name if entry.own else str(graph)


def rebuilding(folder: Location, header: Header | None = None) -> str:
    """How to make a catalogue anew, as a remedy."""
    made_of = (header.folders, header.encoder) if header is not None else ((), "")
    model = "" if header is None else _own(header)
    again = command(folder, *made_of, rebuild=True, model=model)
    return f"To analyse the music anew, run: {again}"


def refused(code: str, path: Location, cause: str, remedy: str) -> CatalogError:
    """The error for a catalogue that cannot be used like this."""
    return CatalogError(cause, subject=display_name(path), remedy=remedy, code=code)


def unreachable(path: Location, cause: str) -> CatalogError:
    """The error for an object store that does not answer, or refuses."""
    remedy = "Check the bucket, and AWS_ENDPOINT_URL and the credentials in the environment"
    return refused("storage_failed", path, cause, remedy)


def damaged(path: Location, cause: str, folder: Location) -> CatalogError:
    """The error for a damaged file of a catalogue."""
    return refused("damaged", path, cause, repairing(folder))


def _unreadable(folder: Location, why: str) -> CatalogError:
    return damaged(folder / NAME, f"the header is damaged ({why})", folder)
