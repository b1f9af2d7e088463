"""Text in other encodings and nested without end: read, or refused with the cause."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest

from hevner.cache import Cache
from hevner.catalog import header
from hevner.datasets.layout import Layout, read_layout
from hevner.errors import CatalogError, DataError, ModelError
from hevner.model import registry
from hevner.text_file import TextError, read_json, read_text, read_toml
from hevner.words import load
from tests.errors import raises
from tests.fakes import sample

DEEP_JSON = "[" * 100_000
DEEP_TOML = "a = " + "[" * 5_000 + "]" * 5_000


def put(folder: Path, content: bytes | str) -> Path:
    path = folder / "text"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert read_text(put(tmp_path, codecs.BOM_UTF8 + "é\r\n".encode())) == "é\r\n"
    assert read_json(put(tmp_path, codecs.BOM_UTF8 + b'{"a": 1}')) == {"a": 1}
    assert read_toml(put(tmp_path, codecs.BOM_UTF8 + b"a = 1")) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("a = 'é'".encode("utf-16"), "UTF-16"),
        (codecs.BOM_UTF16_BE + "a = 1".encode("utf-16-be"), "UTF-16"),
        ("a = 1".encode("utf-16-le"), "UTF-16"),
        ("a = 1".encode("utf-16-be"), "UTF-16"),
        ("a = 1".encode("utf-32"), "UTF-32"),
        (b"a = 1\nb = 'caf\xe9'", "line 2 is not UTF-8"),
    ],
)
def test_other_encodings_are_named(tmp_path: Path, content: bytes, cause: str) -> None:
    path = put(tmp_path, content)
    for read in (read_text, read_json, read_toml):
        with pytest.raises(TextError, match=f"{cause}.*save as UTF-8"):
            read(path)


def test_values_nested_too_deeply_are_a_fault_of_the_text(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="nested too deeply"):
        read_json(put(tmp_path, DEEP_JSON))
    with pytest.raises(TextError, match="nested too deeply"):
        read_toml(put(tmp_path, DEEP_TOML))


def test_a_fault_of_the_form_is_told_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(TextError, match="line 1 column 2"):
        read_json(put(tmp_path, "{"))
    with pytest.raises(TextError, match="line 2"):
        read_toml(put(tmp_path, "a = 1\nb\n"))


def test_every_reader_of_own_files_says_which_file_is_nested_too_deeply(tmp_path: Path) -> None:
    words, layout = tmp_path / "words.toml", tmp_path / "layout.toml"
    for path in (words, layout):
        path.write_text(DEEP_TOML)
    with raises(DataError, "bad_words", subject="words.toml"):
        load(words)
    with raises(DataError, "not_toml", subject="layout.toml"):
        read_layout(tmp_path, Layout())
    card = put(tmp_path, DEEP_JSON)
    with raises(ModelError, "unreadable", subject="text"):
        registry.read(card)
    (tmp_path / header.NAME).write_text(DEEP_JSON)
    with raises(CatalogError, "damaged", subject=header.NAME):
        header.read(tmp_path)


def test_words_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "words.toml"
    path.write_bytes(codecs.BOM_UTF8 + b'[synonyms]\nchill = "very calm"\n')
    assert str(load(path).feeling("chill")) == "very calm"


def test_a_kept_result_nested_without_end_is_made_again(tmp_path: Path) -> None:
    cache, song = Cache("m", tmp_path / "kept"), put(tmp_path, "music")
    key = cache.key(song)
    assert key is not None
    cache.store(key, sample())
    (entry,) = (tmp_path / "kept").rglob("*.json")
    assert json.loads(entry.read_text())
    entry.write_text(DEEP_JSON)
    assert cache.load(key, "song.wav") is None
