"""A decoder that dies, hangs or takes all memory costs one file (`tests.deadly`)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from hevner.audio import decode, isolated
from hevner.audio.decode import Audio
from hevner.audio.isolated import Decoders
from hevner.batch import in_threads
from hevner.errors import AudioError, HevnerError
from tests import deadly
from tests.deadly import SILENCE_S
from tests.errors import raises
from tests.sounds import music, write

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    with closing(deadly.decoders()) as found:
        yield found


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write(tmp_path / "song.wav", music(30.0))


def samples(audio: Audio) -> np.ndarray:
    return np.concatenate(list(audio.blocks))


def named(song: Path, name: str) -> Path:
    """The same song under a name that says how decoding ends."""
    path = song.with_name(f"{name}.wav")
    if not path.exists():
        path.symlink_to(song)
    return path


def pid_of(audio: Audio) -> int:
    """The process that decoded it."""
    for _ in audio.blocks:
        pass
    return int(audio.warnings[0].split()[-1])


def test_it_hears_what_decoding_here_hears(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.wav", music(30.0, 44_100), 44_100)
    whole.write_bytes(whole.read_bytes()[:-400_000])
    for rate in (16_000, 24_000):
        here, there = decode.open_audio(whole, rate), isolated.open_audio(whole, rate)
        blocks = list(there.blocks)
        assert np.array_equal(np.concatenate(blocks), samples(here))
        assert all(block.dtype == np.float32 and block.flags.writeable for block in blocks)
        assert there.warnings == here.warnings != []
        assert (there.source, there.sample_rate) == (here.source, here.sample_rate)


@pytest.mark.parametrize("name", ["none.wav", "empty.wav", "folder.wav", "text.wav", "short.wav"])
def test_errors_are_those_of_decoding_here(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "text.wav").write_text("no audio " * 100)
    write(tmp_path / "short.wav", music(0.05))
    told = []
    for module in (decode, isolated):
        with pytest.raises(AudioError) as error:
            samples(module.open_audio(tmp_path / name))
        told.append((str(error.value), *(getattr(error.value, name) for name in isolated.FIELDS)))
    assert told[0] == told[1]


def test_error_kinds_and_fields_pass_through(decoders: Decoders, song: Path) -> None:
    path = named(song, "missing")
    with raises(AudioError, "y", subject=str(path)) as error:
        samples(decoders.open_audio(path))
    assert (error.value.cause, error.value.remedy) == ("a cause", "A remedy")
    assert error.value.stage == "x"


@pytest.mark.parametrize(
    ("name", "code", "cause"),
    [
        ("crash", "decoder_crashed", "segmentation fault"),
        ("abort", "decoder_crashed", "aborted"),
        ("leave", "decoder_crashed", "status 3"),
        ("midway", "decoder_crashed", "segmentation fault"),
        ("killed", "decoder_memory", "by the system"),
        ("bug", "unexpected", "ZeroDivisionError: a fault of the decoder"),
    ],
)
def test_a_decoder_that_ends_badly_is_told(
    decoders: Decoders, song: Path, name: str, code: str, cause: str
) -> None:
    path = named(song, name)
    for _ in range(2):
        with raises(AudioError, code, subject=str(path)) as error:
            samples(decoders.open_audio(path))
        assert cause in error.value.cause
        assert error.value.stage == ("setup" if name == "killed" else "decode")
        assert error.value.remedy == isolated.CONVERT
        assert len(samples(decoders.open_audio(song))) == 30 * 16_000


def test_a_decoder_that_hangs_is_told(song: Path) -> None:
    with closing(Decoders("tests.deadly", 0.5)) as own:
        for _ in range(2):
            with raises(AudioError, "decoder_timeout", subject=str(named(song, "hang"))) as error:
                samples(own.open_audio(named(song, "hang")))
            assert "yielded nothing for 0.5 s" in error.value.cause


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_decoder_that_takes_all_memory_is_told(decoders: Decoders, song: Path) -> None:
    before = pid_of(decoders.open_audio(song))
    with raises(AudioError, "decoder_memory", subject=str(named(song, "bomb"))):
        samples(decoders.open_audio(named(song, "bomb")))
    assert pid_of(decoders.open_audio(song)) == before


LESS = """
import resource, sys
from hevner.audio.isolated import open_audio
resource.setrlimit(resource.RLIMIT_AS, (1536 * 2**20, 1536 * 2**20))
sys.exit(sum(map(len, open_audio(sys.argv[1]).blocks)) != 30 * 16_000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_lower_limit_of_the_user_stays(song: Path) -> None:
    assert subprocess.run([sys.executable, "-c", LESS, song], cwd=ROOT, timeout=120).returncode == 0


def test_a_process_is_kept_for_the_next_file_and_replaced_when_it_died(
    decoders: Decoders, song: Path
) -> None:
    first, second = (pid_of(decoders.open_audio(song)) for _ in range(2))
    assert first == second
    with raises(AudioError, "decoder_crashed"):
        samples(decoders.open_audio(named(song, "crash")))
    assert pid_of(decoders.open_audio(song)) != first


def test_what_one_file_breaks_is_not_blamed_on_the_next(decoders: Decoders, song: Path) -> None:
    expected = samples(decode.open_audio(song))
    poisoned = pid_of(decoders.open_audio(named(song, "poison")))
    audio = decoders.open_audio(song)
    assert np.array_equal(samples(audio), expected)
    assert audio.warnings != [f"decoded by {poisoned}"]


def test_a_file_that_is_not_read_to_its_end_leaves_nothing_behind(
    decoders: Decoders, song: Path
) -> None:
    expected = samples(decode.open_audio(song))
    decoders.open_audio(song)  # not read at all
    blocks = decoders.open_audio(song).blocks
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert np.array_equal(samples(decoders.open_audio(song)), expected)


def test_several_files_at_once_each_have_a_process(song: Path) -> None:
    names = ["a", "crash1", "slow1", "hang", "b", "slow2", "crash2", "c"]

    def work(name: str) -> str:
        try:
            audio = own.open_audio(named(song, name))
            return str(len(samples(audio)))
        except AudioError as error:
            return error.code

    whole = str(30 * 16_000)
    with closing(deadly.decoders()) as own:
        assert list(in_threads(work, names, 3)) == [
            whole, "decoder_crashed", whole, "decoder_timeout",
            whole, whole, "decoder_crashed", whole,
        ]  # fmt: skip


def test_a_reader_that_takes_its_time_is_no_timeout(decoders: Decoders, song: Path) -> None:
    blocks = decoders.open_audio(song).blocks
    next(blocks)
    time.sleep(SILENCE_S + 1)
    assert len(list(blocks)) > 10


def test_relative_paths_are_those_of_this_process(
    decoders: Decoders, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples(decoders.open_audio(song))
    monkeypatch.chdir(song.parent)
    assert len(samples(decoders.open_audio("song.wav"))) == 30 * 16_000
    with raises(AudioError, "file_missing", subject="none.wav"):
        samples(decoders.open_audio("none.wav"))


def test_names_that_are_not_unicode_are_found(decoders: Decoders, song: Path) -> None:
    odd = song.with_name("\udcff.wav")
    try:
        odd.write_bytes(song.read_bytes())
    except OSError:
        pytest.skip("this file system has no such names")
    assert len(samples(decoders.open_audio(odd))) == 30 * 16_000


def test_what_lies_in_the_current_folder_is_not_imported(
    song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song.with_name("numpy.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(song.parent)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    with closing(Decoders()) as own:
        assert len(samples(own.open_audio("song.wav"))) == 30 * 16_000


def test_a_process_that_does_not_start_is_not_blamed_on_the_file(song: Path) -> None:
    with raises(HevnerError, "decoder_missing", subject=str(song)) as error:
        samples(Decoders("tests.no_such_module").open_audio(song))
    assert error.value.stage == "setup"


def test_secrets_are_not_handed_on(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEVNER_TOKEN", "secret")
    with closing(deadly.decoders()) as own:
        child = psutil.Process(pid_of(own.open_audio(song)))
        assert "HEVNER_TOKEN" not in child.environ()
        assert child.environ()["OMP_NUM_THREADS"] == "1"


def test_closing_ends_the_processes(song: Path) -> None:
    with closing(deadly.decoders()) as own:
        child = psutil.Process(pid_of(own.open_audio(song)))
    assert not child.is_running()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_has_processes_of_its_own(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = deadly.decoders()
    monkeypatch.setattr(isolated, "shared", own)
    with closing(own):
        before = pid_of(own.open_audio(song))
        forked = os.fork()
        if forked == 0:
            os._exit(pid_of(own.open_audio(song)) == before)
        assert os.waitpid(forked, 0)[1] == 0
        assert pid_of(own.open_audio(song)) == before


CLOSED = """
import os, sys
from hevner.audio.isolated import open_audio
for number in map(int, sys.argv[3].split()):
    os.close(number)
count = sum(map(len, open_audio(sys.argv[1]).blocks))
with open(sys.argv[2], "w") as file:
    file.write(str(count))
"""


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_closed_standard_streams_do_no_harm(song: Path, closed: str) -> None:
    heard = song.with_name("heard")
    subprocess.run([sys.executable, "-c", CLOSED, song, heard, closed], cwd=ROOT, timeout=120)
    assert heard.read_text() == str(30 * 16_000)


PARENT = """
import sys, threading, time
from hevner.audio.isolated import Decoders
blocks = Decoders("tests.deadly").open_audio(sys.argv[1]).blocks
threading.Thread(target=next, args=(blocks, None), daemon=True).start()
time.sleep(3600)
"""


@pytest.mark.parametrize("name", ["hang", "song"])
def test_processes_end_with_their_parent(song: Path, name: str) -> None:
    """Whether they decode, or wait for somebody to take what they decoded."""
    path = named(song, name)
    with subprocess.Popen([sys.executable, "-c", PARENT, str(path)], cwd=ROOT) as parent:
        process = psutil.Process(parent.pid)
        wait_for(lambda: len(process.children()) == 1)
        (child,) = process.children()
        if name == "hang":
            wait_for(path.with_suffix(".begun").exists)
        else:
            time.sleep(2)
        parent.kill()
    assert psutil.wait_procs([child], timeout=180)[0] == [child]


def wait_for(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 180
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)
