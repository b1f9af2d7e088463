"""The whole file is heard, as far as ffmpeg hears it, and what is no audio is not."""

from __future__ import annotations

import re
import shutil
import struct
import zlib
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from hevner.audio import decoding, ffmpeg
from hevner.audio.decode import SAMPLE_RATE, Audio, open_audio
from hevner.audio.ffmpeg import Recording
from hevner.errors import AudioError
from tests.audio.encoded import CODECS, encoded
from tests.errors import raises
from tests.memory import growth
from tests.sounds import music, write

PCM = ("wav", "aiff", "caf", "au", "w64", "rf64")
JOINABLE = ("mp3", "mp2", "aac", "ac3", "flac", "vorbis", "opus", "ogg flac")
ID3V1 = b"TAG" + b"title".ljust(125, b"\0")
APE = b"APETAGEX" + struct.pack("<4I", 2000, 32 + 11, 1, 0) + bytes(8) + b"\x02\0\0\0\0\0\0\0A\0no"
APE += b"APETAGEX" + struct.pack("<4I", 2000, 32 + 11, 1, 0x80000000) + bytes(8)


def heard(content: bytes) -> tuple[np.ndarray, list[str]]:
    """What is heard of a file, and what is said about it."""
    audio = open_audio(BytesIO(content))
    return np.concatenate(list(audio.blocks)), audio.warnings


def seconds(content: bytes) -> tuple[float, str]:
    """How long it is heard, and what is said about it."""
    samples, warnings = heard(content)
    return len(samples) / SAMPLE_RATE, "; ".join(warnings)


def tone(duration: float, rate: int, channels: int = 1) -> np.ndarray:
    """440 Hz."""
    wave = 0.4 * np.sin(2 * np.pi * 440 * np.arange(round(duration * rate)) / rate)
    return np.repeat(wave.astype(np.float32)[:, None], channels, axis=1)


def pitch(samples: np.ndarray) -> float:
    """Strongest frequency of a second of samples, in hertz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples[:SAMPLE_RATE]))))


def id3(size: int, picture: bytes = b"") -> bytes:
    """An ID3v2 tag of a title, or a cover, and padding."""
    body = b"TIT2" + struct.pack(">I", 6) + b"\0\0\0Lied\0"
    if picture:
        data = b"\0image/png\0\x03\0" + picture
        body = b"APIC" + struct.pack(">I", len(data)) + b"\0\0" + data
    size = max(size, len(body))
    marked = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + marked + body.ljust(size, b"\0")


def png() -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">2I5B", 1, 1, 8, 2, 0, 0, 0)
    pixel = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixel + chunk(b"IEND", b"")


# --- clean files ---


@pytest.mark.parametrize("codec", [*CODECS, "vorbis", *PCM])
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (48_000, 2), (44_100, 6), (16_000, 2)])
def test_clean_files_are_heard_whole_without_a_word(codec: str, rate: int, channels: int) -> None:
    if codec in ("opus", "webm", "ac3"):
        rate = 48_000
    if codec in ("mp3", "mp2", "wma"):
        channels = min(channels, 2)
    duration, said = seconds(encoded(music(3.0, rate, channels), rate, codec))
    assert duration == pytest.approx(3.0, abs=0.1)
    assert said == ""


@pytest.mark.parametrize(
    "codec", ["mp3", "flac", "opus", "vorbis", "m4a", "alac", "wavpack", "wav", "aac"]
)
def test_all_channels_are_handed_on_in_order(codec: str) -> None:
    """Eight planes are where PyAV's own conversion reads beyond the last."""
    count = 2 if codec == "mp3" else 6 if codec in ("m4a", "alac", "wavpack", "aac") else 8
    loud = np.linspace(0.1, 0.8, count) if codec in ("wav", "flac", "wavpack", "alac") else 0.3
    samples = (tone(1.0, 48_000, count) / 0.4 * loud).astype(np.float32)
    pieces = list(Recording(BytesIO(encoded(samples, 48_000, codec)), "a").pieces(12.0, []))
    whole = np.concatenate([piece for _, piece in pieces])[4_000:40_000]
    assert {rate for rate, _ in pieces} == {48_000}
    assert whole.shape[1] == count
    # The channel of deep notes (LFE) of lossy codecs has no 440 Hz.
    peaks = np.delete(np.abs(whole).max(axis=0), 3 if count == 6 else 7 if count == 8 else [])
    wanted = np.delete(np.broadcast_to(loud, count), 3 if count == 6 else 7 if count == 8 else [])
    np.testing.assert_allclose(peaks, wanted, rtol=0.45)


def test_variable_bit_rate_without_a_header_is_heard_whole() -> None:
    rng = np.random.default_rng(0)
    samples = tone(12.0, 44_100, 2) + np.repeat([0.0, 0.2], 264_600)[:, None] * rng.normal(
        size=(529_200, 2)
    )
    how = {"q": "2", "write_xing": "0", "flags": "+qscale", "global_quality": "236"}
    content = encoded(samples.clip(-1, 1).astype(np.float32), 44_100, "mp3", how)
    assert b"Xing" not in content
    assert b"Info" not in content
    duration, said = seconds(content)
    assert duration == pytest.approx(12.0, abs=0.1)
    assert said == ""


@pytest.mark.parametrize("tail", [ID3V1, APE, APE + ID3V1, bytes(5_000)])
def test_tags_and_padding_around_an_mp3_are_no_damage(tail: bytes) -> None:
    content = id3(30_000, png()) + encoded(tone(4.0, 44_100, 2), 44_100, "mp3") + tail
    duration, said = seconds(content)
    assert duration == pytest.approx(4.0, abs=0.1)
    assert said == ""


# --- files joined to one ---


@pytest.mark.parametrize("codec", JOINABLE)
def test_joined_files_are_heard_to_the_last(codec: str) -> None:
    one = encoded(music(3.0, 48_000, 2), 48_000, codec)
    duration, said = seconds(one * 4)
    assert duration == pytest.approx(12.0, abs=0.12)
    assert "ends early" not in said
    if codec in ("vorbis", "opus", "ogg flac", "flac"):
        assert said == ""


@pytest.mark.parametrize("codec", sorted({*JOINABLE} - {"opus"}))
def test_rate_and_channels_may_change_inside_a_file(codec: str) -> None:
    parts = [(48_000, 2), (32_000, 1), (44_100, 2)]
    content = b"".join(encoded(tone(3.0, r, c), r, codec) for r, c in parts)
    samples, warnings = heard(content)
    assert len(samples) / SAMPLE_RATE == pytest.approx(9.0, abs=0.15)
    assert [pitch(samples[round(at * SAMPLE_RATE) :]) for at in (1, 4, 7)] == [440, 440, 440]
    assert "sample rate changes from 48000 to 32000 Hz" in warnings[0]
    assert re.search(r"channels changes from 2 to 1 at (2\.9|3\.[01]) s", warnings[0])
    assert "from 32000 to 44100 Hz" in warnings[1]


def test_ogg_files_of_several_codecs_may_be_joined() -> None:
    codecs = ("vorbis", "opus", "ogg flac")
    samples, _ = heard(b"".join(encoded(tone(2.0, 48_000), 48_000, one) for one in codecs))
    assert len(samples) / SAMPLE_RATE == pytest.approx(6.0, abs=0.05)
    assert [pitch(samples[at * SAMPLE_RATE :]) for at in (0, 2, 4)] == [440, 440, 440]


def test_tags_between_joined_mp3s_are_passed_over() -> None:
    one = encoded(music(3.0, 44_100), 44_100, "mp3")
    duration, said = seconds(id3(500) + one + ID3V1 + id3(3_000, png()) + one + ID3V1)
    assert duration == pytest.approx(6.0, abs=0.1)
    assert "ends early" not in said


# --- damage ---


@pytest.mark.parametrize("codec", ["mp3", "aac", "mp2", "ac3", "vorbis", "opus", "flac"])
def test_what_follows_junk_is_heard(codec: str) -> None:
    content = encoded(music(12.0, 48_000, 2), 48_000, codec)
    junk, half = np.random.default_rng(0).bytes(400), len(content) // 2
    duration, said = seconds(content[:half] + junk + content[half:])
    assert duration == pytest.approx(12.0, abs=1.5 if codec in ("vorbis", "opus") else 0.15)
    if codec != "flac":
        assert re.search(r"left out, the first near [56]\.\d s", said)


@pytest.mark.parametrize("size", [400, 65_536, 300_000])
def test_zeros_before_an_mp3_do_not_hide_it(size: int) -> None:
    content = bytes(size) + encoded(music(12.0, 44_100, 2), 44_100, "mp3")
    assert seconds(content)[0] == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize("promised", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000])
@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "FLOAT"])
def test_wav_of_a_recorder_that_never_wrote_the_size(promised: int, kind: str) -> None:
    out = BytesIO()
    soundfile.write(out, music(3.0, 44_100, 2), 44_100, format="WAV", subtype=kind)
    content = bytearray(out.getvalue())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", promised)
    assert seconds(bytes(content)) == (pytest.approx(3.0, abs=0.01), "")


@pytest.mark.parametrize("codec", ["wav", "aiff", "flac", "m4a", "mp3", "wavpack", "tta"])
def test_truncated_files_are_heard_as_far_as_they_go_and_say_so(codec: str) -> None:
    options = {"movflags": "+faststart"} if codec == "m4a" else {}
    content = encoded(music(20.0, 44_100, 2), 44_100, codec, options)
    duration, said = seconds(content[: len(content) * 6 // 10])
    assert 8 < duration < 16
    assert re.search(r"ends early: [\d.]+ of (20\.0|20\.1) s", said)


@pytest.mark.parametrize("codec", ["vorbis", "opus", "aac", "ac3"])
def test_truncated_streams_are_heard_as_far_as_they_go(codec: str) -> None:
    content = encoded(music(20.0, 48_000, 2), 48_000, codec)
    assert 8 < seconds(content[: len(content) * 6 // 10])[0] < 16


def test_adts_does_not_end_early() -> None:
    """Bit rate, and with it FFmpeg's guess of the length, is far lower in the quiet begin."""
    quiet = np.concatenate([np.zeros((441_000, 2), np.float32), music(10.0, 44_100, 2)])
    duration, said = seconds(encoded(quiet, 44_100, "aac"))
    assert duration == pytest.approx(20.0, abs=0.1)
    assert said == ""


def test_flac_that_lies_about_its_length_is_told_and_costs_no_memory() -> None:
    content = bytearray(encoded(np.zeros(1800 * 64_000, np.float32), 64_000, "flac"))
    content[8 + 13] &= 0xF0
    content[8 + 14 : 8 + 18] = struct.pack(">I", 64_000)
    blocks = open_audio(BytesIO(content)).blocks
    assert growth(lambda: next(blocks), 45) < 60e6  # all samples are 460 MB
    assert seconds(bytes(content)) == (
        pytest.approx(1800, abs=0.1),
        "the file is longer than its header says: 1800.0 s instead of 1.0 s",
    )


def test_no_file_is_longer_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (ffmpeg, decoding):
        monkeypatch.setattr(module, "LONGEST_S", 5.0)
    duration, said = seconds(encoded(music(20.0, 48_000), 48_000, "flac"))
    assert duration == pytest.approx(5.0, abs=0.2)
    assert said == "only the first 0:05 of the file were read"


def test_mostly_damaged_audio_is_refused() -> None:
    content = bytearray(encoded(music(6.0, 44_100, 2), 44_100, "m4a", {"movflags": "+faststart"}))
    start = content.index(b"mdat") + 8
    content[start + 2_000 :] = np.random.default_rng(0).bytes(len(content) - start - 2_000)
    with raises(AudioError, "damaged_audio"):
        heard(bytes(content))


# --- what cannot be meant ---


@pytest.mark.parametrize("channels", [65, 1024, 65_535])
def test_too_many_channels_are_refused_by_the_cause(channels: int) -> None:
    size = 2 * channels
    form = struct.pack("<HHIIHH", 1, channels, 8_000, 8_000 * size & 0xFFFFFFFF, size & 0xFFFF, 16)
    content = b"RIFF" + struct.pack("<I", 120_036) + b"WAVEfmt \x10\0\0\0" + form
    with raises(AudioError, "too_many_channels"):
        open_audio(BytesIO(content + b"data" + struct.pack("<I", 120_000) + bytes(120_000)))


def test_as_many_channels_as_are_allowed_come_in_small_blocks() -> None:
    rng = np.random.default_rng(0)
    content = encoded(rng.normal(0, 0.1, (400_000, 64)), 96_000, "wav")
    pieces = list(Recording(BytesIO(content), "a").pieces(12.0, []))
    assert sum(len(piece) for _, piece in pieces) == 400_000
    assert max(piece.size for _, piece in pieces) < 6e6  # 24 MB


@pytest.mark.parametrize("scale", [32_768.0, 1e7, 1e30])
def test_floating_point_samples_far_above_full_scale(scale: float) -> None:
    out = BytesIO()
    soundfile.write(out, scale * music(2.0), 16_000, format="WAV", subtype="FLOAT")
    if scale > 1e6:
        with raises(AudioError, "samples_out_of_range"):
            heard(out.getvalue())
    else:
        assert re.search(r"samples reach \d{4,5} times full scale", seconds(out.getvalue())[1])


# --- what is no audio ---

NOT_AUDIO = {
    "text": b"The words of a song.\n" * 400,
    "random": np.random.default_rng(1).bytes(1_000_000),
    "zeros": bytes(100_000),
    "ones": b"\xff" * 100_000,
    "ffconcat": b"ffconcat version 1.0\nfile real.wav\n",
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nreal.wav\n#EXT-X-ENDLIST\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    b"<Period><AdaptationSet><Representation><BaseURL>real.wav</BaseURL></Representation>"
    b"</AdaptationSet></Period></MPD>",
    "picture": png(),
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n" * 50,
    "au garbage": np.random.default_rng(2).bytes(1024),
    "python": Path(ffmpeg.__file__).read_bytes(),
    "id3 alone": id3(4_000),
}


@pytest.mark.parametrize("kind", NOT_AUDIO)
@pytest.mark.parametrize("name", ["a.wav", "a.au", "a.snd", "a.raw", "a.mp3", "a.aac", "a.ul", "a"])
def test_content_decides_and_not_the_name(tmp_path: Path, kind: str, name: str) -> None:
    write(tmp_path / "real.wav")
    path = tmp_path / name
    path.write_bytes(NOT_AUDIO[kind])
    with raises(AudioError, "not_audio", subject=str(path)):
        list(open_audio(path).blocks)


@pytest.mark.parametrize("codec", ["wav", "au", "mp3", "vorbis", "m4a", "aac"])
def test_audio_is_audio_under_any_name(tmp_path: Path, codec: str) -> None:
    content = encoded(music(2.0, 48_000), 48_000, codec)
    samples, _ = heard(content)
    for name in ("a.au", "a.snd", "a.raw", "a.txt", "a.jpg", "a.m3u8", "a.s16", "a%03d.png", "a"):
        path = tmp_path / name
        path.write_bytes(content)
        np.testing.assert_array_equal(np.concatenate(list(open_audio(path).blocks)), samples)


@pytest.mark.parametrize("around", [0, 2_000])
def test_two_frames_in_a_row_make_no_audio(around: int) -> None:
    """One file in 700 of other kinds holds such, by chance, and FFmpeg decodes them."""
    rng = np.random.default_rng(0)
    with av.open(BytesIO(encoded(music(6.0, 8_000), 8_000, "mp3"))) as file:
        frames = [bytes(packet) for packet in file.demux(audio=0)]
    with raises(AudioError, "not_audio"):
        heard(rng.bytes(around) + frames[4] + frames[5] + rng.bytes(around))


def test_formats_that_are_not_listed_are_not_opened() -> None:
    """Each would be one more parser for what strangers send."""
    out = BytesIO()
    with av.open(out, "w", format="nut") as file:
        stream = file.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.ones((1, 16_000), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 16_000, 0
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    with raises(AudioError, "not_audio"):
        open_audio(out)


def test_law_coded_audio_is_heard_where_a_header_says_so() -> None:
    out = BytesIO()
    soundfile.write(out, music(2.0, 8_000), 8_000, format="AU", subtype="ULAW")
    assert seconds(out.getvalue()) == (pytest.approx(2.0, abs=0.01), "")


def test_a_film_that_names_another_file_does_not_open_it(tmp_path: Path) -> None:
    """References of MOV files to tracks in other files are not followed."""
    write(tmp_path / "real.wav", music(9.0))
    content = encoded(music(3.0, 44_100), 44_100, "m4a")
    reference = b"url \0\0\0\x01"
    assert reference in content
    path = tmp_path / "a.m4a"
    path.write_bytes(content.replace(reference, b"url \0\0\0\0"))
    assert sum(map(len, open_audio(path).blocks)) / SAMPLE_RATE < 3.2


# --- where it comes from ---


def test_file_objects_are_read_from_their_begin_and_stay_open(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac", music(2.0))
    with path.open("rb") as file:
        file.seek(1_000)
        audio = open_audio(file, name="mine")
        assert audio.source == "mine"
        assert sum(map(len, audio.blocks)) == 2 * SAMPLE_RATE
        assert not file.closed
        assert sum(map(len, open_audio(file).blocks)) == 2 * SAMPLE_RATE


def test_file_object_that_cannot_be_read_says_so() -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    with raises(AudioError, "unreadable"):
        list(open_audio(Broken(encoded(music(20.0), 16_000, "wav"))).blocks)


def test_promised_length_is_that_of_the_header() -> None:
    content = encoded(music(20.0, 44_100), 44_100, "flac")
    audio: Audio = open_audio(BytesIO(content[: len(content) // 2]))
    assert audio.promised == pytest.approx(20.0)
    assert open_audio(BytesIO(encoded(music(2.0), 16_000, "vorbis"))).promised == 0.0


def test_other_streams_of_a_film_are_left_out(tmp_path: Path) -> None:
    """Pictures before the sound are no reason not to hear it."""
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as file:
        video = file.add_stream("mpeg4", rate=10)
        video.width = video.height = 64
        audio = file.add_stream("aac", rate=44_100, layout="mono")
        for _ in range(20):
            file.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(video.encode(None))
        for start in range(0, 88_200, 1024):
            piece = music(2.1, 44_100)[None, start : start + 1024]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), "fltp", "mono")
            frame.sample_rate, frame.pts = 44_100, start
            file.mux(audio.encode(frame))
        file.mux(audio.encode(None))
    shutil.move(path, tmp_path / "film.wav")
    opened = open_audio(tmp_path / "film.wav")
    assert sum(map(len, opened.blocks)) / SAMPLE_RATE == pytest.approx(2.0, abs=0.1)
    assert opened.warnings == []


# --- reported files ---

REPORTED = {
    "vbr_noxing.mp3": (12.0, ""),
    "chained.ogg": (24.0, ""),
    "mid_garbage400.mp3": (11.9, "left out, the first near 6.0 s"),
    "flac.ogg": (12.0, ""),
    "zero_len.wav": (2.0, ""),
    "adts.aac": (32.0, ""),
    "zeros_start64k.mp3": (12.0, ""),
    "int_scaled_float.wav": (4.0, "times full scale"),
    "huge_sample.wav": (None, "samples_out_of_range"),
}


@pytest.mark.data
@pytest.mark.parametrize("name", REPORTED)
def test_reported_files_are_heard_whole(data: Path, name: str) -> None:
    path = data.parent / "cases" / "files" / name
    if not path.is_file():
        pytest.skip("no reported files here")
    wanted, said = REPORTED[name]
    if wanted is None:
        with raises(AudioError, said):
            heard(path.read_bytes())
        return
    duration, warnings = seconds(path.read_bytes())
    assert duration == pytest.approx(wanted, abs=0.1)
    assert said in warnings
    assert bool(said) == bool(warnings)
