from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hevner.batch import AHEAD, analyze_many, in_threads, usable_cores
from hevner.cache import Cache
from hevner.errors import AudioError, ModelError
from hevner.result import Analysis, Failure
from tests.fakes import FakeAnalyzer, sample
from tests.sounds import music, write


class Scripted:
    """Does for each file what a script says: raises an error or returns an analysis."""

    def __init__(self, **script: BaseException | Analysis) -> None:
        self.script = script

    def analyze(self, source: Path, /) -> Analysis:
        outcome = self.script.get(source.stem, sample())
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_in_the_order_of_the_files(jobs: int) -> None:
    """The first file of each pair waits for the second one where there are threads enough."""
    done = {f"{n}": threading.Event() for n in range(12)}

    class Reversing:
        def analyze(self, source: Path, /) -> Analysis:
            number = int(source.name)
            if jobs > 1 and number % 2 == 0:
                assert done[f"{number + 1}"].wait(180)
            done[source.name].set()
            return sample()

    results = analyze_many([Path(f"{n}") for n in range(12)], Reversing(), jobs)
    assert [result.path for result in results] == [f"{n}" for n in range(12)]


def test_nothing_that_waits_is_begun_after_a_stop() -> None:
    stop, queued, both, begun = threading.Event(), threading.Event(), threading.Barrier(2), []

    def items() -> Iterator[int]:
        for number in range(20):
            if number == 2 * AHEAD - 1:
                queued.set()
            yield number

    def work(number: int) -> int:
        begun.append(number)
        queued.wait(180)
        both.wait(180)
        stop.set()
        return number

    assert list(in_threads(work, items(), 2, stop)) == [0, 1]
    assert sorted(begun) == [0, 1]


def test_one_bad_file_never_stops_the_others() -> None:
    analyzer = Scripted(
        audio=AudioError("the file is empty", remedy="Copy it again", subject="audio.wav"),
        memory=MemoryError(),
        system=OSError(5, "Input/output error"),
        bug=ZeroDivisionError("division by zero"),
        odd=ValueError("b\udcff"),
        nan=sample(tempo=float("nan")),
    )
    names = ["a", "audio", "memory", "system", "bug", "odd", "nan", "z"]
    results = list(analyze_many([Path(f"{name}.wav") for name in names], analyzer, 2))
    first, audio, memory, system, bug, odd, nan, last = results
    assert isinstance(first, Analysis)
    assert isinstance(last, Analysis)
    assert audio == Failure(
        "audio.wav", "decode", "the file is empty", "Copy it again", code="bad_audio"
    )
    for failure, code, cause in (
        (memory, "out_of_memory", "out of memory"),
        (system, "unexpected", "OSError: [Errno 5] Input/output error"),
        (bug, "unexpected", "ZeroDivisionError: division by zero"),
        (odd, "unexpected", r"ValueError: b\xff"),
        (nan, "not_finite", "its analysis holds numbers that are not finite"),
    ):
        assert isinstance(failure, Failure)
        assert (failure.stage, failure.code) == ("analyse", code)
        assert failure.cause.startswith(cause)
        assert failure.remedy


def test_names_that_are_not_unicode_come_back_safely() -> None:
    (result,) = analyze_many([Path("b\udcff.wav")], Scripted())
    assert result.path == r"b\xff.wav"


def test_files_are_read_only_as_far_as_the_work_has_come() -> None:
    taken = []

    def endless() -> object:
        number = 0
        while True:
            taken.append(number)
            yield Path(f"{number}.wav")
            number += 1

    results = analyze_many(endless(), Scripted(), 2)  # type: ignore[arg-type]
    for _ in range(5):
        next(results)
    results.close()
    assert len(taken) <= 5 + 2 * AHEAD


def test_closing_drops_what_waits_and_keeps_what_is_finished(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.wav", music(0.5 + n / 100)) for n in range(20)]
    cache, analyzer = Cache("m", tmp_path / "kept"), FakeAnalyzer()
    results = analyze_many(paths, analyzer, 1, cache)
    next(results)
    results.close()
    asked = len(analyzer.asked)
    assert 1 <= asked <= 1 + AHEAD
    assert len(list((tmp_path / "kept").rglob("*.json"))) == asked
    again = FakeAnalyzer()
    assert len(list(analyze_many(paths, again, 1, cache))) == 20
    assert len(again.asked) == 20 - asked


def test_interruption_in_the_middle_passes_through() -> None:
    def paths() -> object:
        yield Path("a.wav")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(analyze_many(paths(), Scripted()))  # type: ignore[arg-type]
    assert not [t for t in threading.enumerate() if t.name.startswith("hevner")]


def test_known_results_need_no_analyzer(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    cache = Cache("m", tmp_path / "kept")
    (first,) = analyze_many([path], FakeAnalyzer(), 1, cache)

    second_analyzer = FakeAnalyzer()
    (second,) = analyze_many([path], second_analyzer, 1, cache)
    assert second == first
    assert second_analyzer.asked == []


def test_failures_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"no audio")
    cache, analyzer = Cache("m", tmp_path / "kept"), FakeAnalyzer()
    for _ in range(2):
        (failure,) = analyze_many([path], analyzer, 1, cache)
        assert isinstance(failure, Failure)
    assert len(analyzer.asked) == 2


def test_model_that_cannot_be_loaded_fails_every_file() -> None:
    damaged = ModelError("the model is damaged", remedy="Install hevner again")
    failures = list(analyze_many([Path("a"), Path("b")], Scripted(a=damaged, b=damaged)))
    assert [f.to_dict()["stage"] for f in failures] == ["model", "model"]


def test_there_is_a_core_to_use() -> None:
    assert usable_cores() >= 1
