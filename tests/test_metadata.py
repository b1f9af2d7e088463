"""What files say about their music, in tags of every kind and in their paths."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from hevner import metadata
from hevner.audio import about_file, isolated
from hevner.audio.packets import packet_digest
from hevner.errors import AudioError
from hevner.metadata import Metadata, from_path
from tests import sounds
from tests.errors import raises

mutagen = pytest.importorskip("mutagen", reason="tags need the extra 'tags'")

from mutagen import apev2, flac, id3, mp4

IDS = [f"{digit * 8}-1111-4222-8333-444444444444" for digit in "abc"]
JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 9
FULL = Metadata(
    *("Tïtle 🎵", "A; B", "Älbum", "Band", 3, 1999, "Rock"), cover="image/jpeg",
    musicbrainz_recording=IDS[0], musicbrainz_release=IDS[1], musicbrainz_artist=IDS[2],
)  # fmt: skip
CODECS = {
    "mp3": ("libmp3lame", "mp3"),
    "m4a": ("aac", "ipod"),
    "flac": ("flac", "flac"),
    "opus": ("libopus", "ogg"),
    "wv": ("wavpack", "wv"),
    "wav": ("pcm_s16le", "wav"),
    "aiff": ("pcm_s16be", "aiff"),
    "tta": ("tta", "tta"),
    "ogg": ("", ""),
}


def sound(folder: Path, kind: str, seconds: float = 0.6) -> Path:
    """A file of a kind, without tags."""
    path, (codec, form) = folder / f"song.{kind}", CODECS[kind]
    if not codec:
        return sounds.write(path, sounds.music(seconds, 44_100), 44_100, format="OGG")
    samples = (32_000 * sounds.music(seconds, 48_000, 2)).astype(np.int16).reshape(1, -1)
    with av.open(str(path), "w", format=form) as out:
        stream = out.add_stream(codec, rate=48_000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(samples, "s16", "stereo")
        frame.sample_rate = 48_000
        fifo = av.AudioFifo()
        for part in av.AudioResampler(stream.format, "stereo", 48_000).resample(frame):
            fifo.write(part)
        while some := fifo.read(stream.codec_context.frame_size or 1024):
            out.mux(stream.encode(some))
        out.mux(stream.encode(None))
    return path


def picture() -> flac.Picture:
    found = flac.Picture()
    found.type, found.mime, found.data = 3, "image/jpeg", JPEG
    return found


def tag(path: Path) -> None:
    """Write the tags of `FULL` in the way of the file's kind."""
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    names = dict(zip(("trackid", "albumid", "artistid"), IDS, strict=True))
    if isinstance(file, mp4.MP4):
        file.tags.update({
            "\xa9nam": "Tïtle 🎵", "\xa9ART": ["A", "B"], "\xa9alb": "Älbum", "aART": "Band",
            "trkn": [(3, 12)], "\xa9day": "1999-05-01", "\xa9gen": "Rock",
            "covr": [mp4.MP4Cover(JPEG)],
        })  # fmt: skip
        for name, id in zip(("Track", "Album", "Artist"), IDS, strict=True):
            file.tags[f"----:com.apple.iTunes:MusicBrainz {name} Id"] = id.encode()
    elif isinstance(file.tags, id3.ID3):
        texts = {"TIT2": ["Tïtle 🎵"], "TPE1": ["A", "B"], "TALB": ["Älbum"], "TPE2": ["Band"]}
        texts |= {"TRCK": ["3/12"], "TDRC": ["1999-05-01"], "TCON": ["(17)"]}
        for name, text in texts.items():
            file.tags.add(getattr(id3, name)(encoding=3, text=text))
        file.tags.add(id3.UFID(owner="http://musicbrainz.org", data=IDS[0].encode()))
        for name, id in zip(("Album", "Artist"), IDS[1:], strict=True):
            file.tags.add(id3.TXXX(encoding=3, desc=f"MusicBrainz {name} Id", text=[id]))
        file.tags.add(id3.APIC(encoding=0, mime="image/png", type=4, data=b"\x89PNG no"))
        file.tags.add(id3.APIC(encoding=0, mime="image/jpeg", type=3, desc="f", data=JPEG))
    else:
        ape = isinstance(file.tags, apev2.APEv2)
        file.tags["Title"], file.tags["Artist"], file.tags["Album"] = (
            "Tïtle 🎵",
            ["A", "B"],
            "Älbum",
        )
        file.tags["Album Artist" if ape else "ALBUMARTIST"] = "Band"
        file.tags["Track" if ape else "TRACKNUMBER"] = "3/12"
        file.tags["Year" if ape else "DATE"], file.tags["Genre"] = "1999-05-01", "Rock"
        for name, id in names.items():
            file.tags[f"MUSICBRAINZ_{name.upper()}"] = id
        if ape:
            cover = apev2.APEValue(b"front.jpg\0" + JPEG, apev2.BINARY)
            file.tags["Cover Art (Front)"] = cover
        elif isinstance(file, flac.FLAC):
            file.add_picture(picture())
        else:
            encoded = base64.b64encode(picture().write()).decode()
            file.tags["METADATA_BLOCK_PICTURE"] = encoded
    file.save()


@pytest.mark.parametrize("kind", CODECS)
def test_tags_of_every_kind_are_read_and_leave_the_digest_of_the_sound(
    kind: str, tmp_path: Path
) -> None:
    path = sound(tmp_path, kind)
    before = about_file.about(path, "Artist/Album/01 Other.x")
    tag(path)
    after = about_file.about(path, "Artist/Album/01 Other.x")
    assert metadata.read(path) == FULL
    assert metadata.cover(path) == ("image/jpeg", JPEG)
    assert before["sound"] == after["sound"] is not None
    assert (before["title"], before["artist"], before["track"]) == ("Other", "Artist", 1)
    assert before["metadata"] == "tags"
    # All of it in a process of its own too.
    assert isolated.about(path, "Artist/Album/01 Other.x") == after
    assert isolated.shared.cover(path) == ("image/jpeg", JPEG)


def test_other_sound_has_another_digest(tmp_path: Path) -> None:
    paths = [sound(tmp_path / f"{seconds}", "ogg", seconds) for seconds in (0.6, 0.7)]
    assert len({about_file.about(path)["sound"] for path in paths}) == 2
    with (tmp_path / "text").open("w+b") as file, raises(AudioError, "not_audio"):
        packet_digest(file, "text")


def test_tags_after_the_sound_are_no_part_of_it(tmp_path: Path) -> None:
    path = sound(tmp_path, "mp3")
    before = about_file.about(path)["sound"]
    ape = apev2.APEv2()
    ape["Title"] = "long " * 500
    ape.save(path)
    with path.open("ab") as file:
        file.write(b"TAG" + b"title".ljust(125, b"\0"))
    assert about_file.about(path)["sound"] == before


@pytest.mark.parametrize("kind", ["mp3", "flac", "m4a", "ogg"])
def test_damaged_tags_fail_nothing(kind: str, tmp_path: Path) -> None:
    """Whatever stands there, names from the path remain."""
    path = sound(tmp_path, kind)
    tag(path)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        broken = bytearray(content)
        for place in rng.integers(0, min(len(broken), 2000), 30):
            broken[place] = rng.integers(256)
        path.write_bytes(broken[: int(rng.integers(1, len(broken)))])
        found = about_file.about(path, "Artist/Album/01 Title.x")
        assert found["title"]
        metadata.cover(path)


def packed_title(data: bytes) -> bytes:
    """Tags with a title that is compressed, which ID3 allows."""

    def synchsafe(value: int) -> bytes:
        return bytes(value >> shift & 127 for shift in (21, 14, 7, 0))

    frame = b"TIT2" + synchsafe(len(data) + 4) + b"\0\x09" + struct.pack(">I", 127) + data
    return b"ID3\x04\0\0" + synchsafe(len(frame)) + frame


def test_a_tag_that_would_fill_the_memory_costs_its_process_alone(tmp_path: Path) -> None:
    packer, part = zlib.compressobj(), b"\x03" + b"A" * (2**24 - 1)
    first, more = (packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    titles, content = [], sound(tmp_path, "mp3").read_bytes()
    reader = isolated.Decoders(memory_bytes=2**30)
    for data in (zlib.compress(part[:100]), first + more * 127):
        (tmp_path / "song.mp3").write_bytes(packed_title(data) + content)
        titles.append(reader.about(tmp_path / "song.mp3", "Artist/Album/01 Title.mp3")["title"])
    reader.close()
    assert titles == ["A" * 99, "Title"]


def test_a_large_picture_counts_as_none(tmp_path: Path) -> None:
    path = sound(tmp_path, "flac")
    file = flac.FLAC(path)
    large = picture()
    large.data = JPEG + bytes(metadata.MOST_COVER)
    file.add_picture(large)
    file.save()
    assert metadata.cover(path) is metadata.read(path).cover is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Artist/Album/01 Title.flac", Metadata("Title", "Artist", "Album", track=1)),
        ("Genre/Artist/Album/CD 2/1-Title.ogg", Metadata("Title", "Artist", "Album", track=1)),
        ("Album/03. Title.mp3", Metadata("Title", track=3)),
        ("Artist - Title.mp3", Metadata("Title", "Artist")),
        ("99 Luftballons.mp3", Metadata("Luftballons", track=99)),
        ("1979.mp3", Metadata("1979")),
        ("Artist/Album/- -.mp3", Metadata("- -", "Artist", "Album")),
        ("A/B/7.mp3", Metadata("7", "A", "B")),
        ("b\udcff/c/x\ny.mp3", Metadata("x y", "b\\xff", "c")),
        ("", Metadata()),
    ],
)
def test_paths_say_what_is_plain(name: str, found: Metadata) -> None:
    assert from_path(name) == found


def test_without_the_package_paths_are_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sound(tmp_path, "flac")
    tag(path)
    monkeypatch.setattr(metadata, "can_read_tags", lambda: False)
    found = about_file.about(path, "Artist/Album/01 Title.flac")
    assert (found["title"], found["artist"], found["metadata"]) == ("Title", "Artist", "path")
    assert found["sound"]
    assert metadata.cover(path) is None
