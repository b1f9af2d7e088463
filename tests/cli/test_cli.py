"""The command line from end to end."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import hevner
from hevner.cli import app
from tests import fakes
from tests.fakes import contents
from tests.sounds import music, write

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180
"""Seconds after which a process is given up."""


@pytest.fixture
def analyzer(monkeypatch: pytest.MonkeyPatch) -> fakes.FakeAnalyzer:
    """A fake in the place of the analysis."""
    analyzer = fakes.FakeAnalyzer()
    monkeypatch.setitem(sys.modules, "hevner.analysis", None)  # put back afterwards
    fakes.install(analyzer)
    return analyzer


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder with two songs."""
    write(tmp_path / "songs/a.wav", music(1.0))
    write(tmp_path / "songs/more/b.flac", music(2.0))
    return tmp_path / "songs"


def hevner_analyze(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["analyze", *map(str, arguments)])


def lines(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def command(*arguments: str | Path, fake: tuple[str | Path, str] | None = None) -> list[str]:
    """The command line of a process of its own."""
    module = ["hevner"] if fake is None else ["tests.fakes", *map(str, fake)]
    return [sys.executable, "-m", *module, *map(str, arguments)]


def process(*arguments: str | Path, **how: object) -> subprocess.CompletedProcess[str]:
    how = {"capture_output": True, "timeout": 120} | how
    return subprocess.run(command(*arguments), text=True, cwd=ROOT, env=environment(), **how)  # type: ignore[call-overload]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1"}


# What comes out


@pytest.mark.usefixtures("analyzer")
def test_table_is_the_default(songs: Path) -> None:
    result = hevner_analyze(songs)
    assert result.exit_code == 0
    assert "Valence" in result.stdout
    assert "a.wav" in result.stdout
    assert "2 files in" in result.stderr
    assert "2 files in" not in result.stdout


@pytest.mark.usefixtures("analyzer")
def test_json_lines_come_in_order(songs: Path) -> None:
    result = hevner_analyze(songs, "--format", "jsonl", "--jobs", "3")
    assert [record["path"] for record in lines(result)] == [
        str(songs / "a.wav"),
        str(songs / "more/b.flac"),
    ]
    assert [record["duration"] for record in lines(result)] == [1.0, 2.0]


@pytest.mark.usefixtures("analyzer")
def test_beats_come_on_request(songs: Path) -> None:
    for more, there in (((), False), (("--beats",), True)):
        records = lines(hevner_analyze(songs, "-f", "jsonl", *more))
        assert {name in record for record in records for name in ("beats", "downbeats")} == {there}


@pytest.mark.usefixtures("analyzer")
def test_explanations_come_on_request(songs: Path) -> None:
    plain, why = (lines(hevner_analyze(songs, "-f", "jsonl", *one)) for one in ((), ("--explain",)))
    assert "explanation" not in plain[0]
    for record in why:
        found = record.pop("explanation")
        assert set(found) == {"music", "similar_to", "readings", "timeline"}
    assert why == plain


@pytest.mark.usefixtures("analyzer")
def test_explain_says_why(songs: Path) -> None:
    text, code = (
        CliRunner().invoke(app, ["explain", *one, str(songs)]) for one in ([], ["--json"])
    )
    assert text.exit_code == 0
    assert "-0.20  mode: minor" in text.stdout
    assert "film scores that people call tense" in text.stdout
    assert json.loads(code.stdout)[0]["explanation"]["readings"]["valence"]["average"] == 0.05


@pytest.mark.usefixtures("analyzer")
@pytest.mark.parametrize("form", ["json", "csv", "jsonl", "table"])
def test_ending_of_the_output_file_chooses_the_form(tmp_path: Path, songs: Path, form: str) -> None:
    output = tmp_path / f"out.{'txt' if form == 'table' else form}"
    result = hevner_analyze(songs, "-o", output)
    assert (result.exit_code, result.stdout) == (0, "")
    text = output.read_text("utf-8")
    paths = {
        "json": lambda: [record["path"] for record in json.loads(text)],
        "csv": lambda: [row["path"] for row in csv.DictReader(io.StringIO(text))],
        "jsonl": lambda: [json.loads(line)["path"] for line in text.splitlines()],
        "table": lambda: [str(songs / n) for n in ("a.wav", "more/b.flac") if n in text],
    }[form]()
    assert paths == [str(songs / "a.wav"), str(songs / "more/b.flac")]
    assert contents(tmp_path) == sorted([output.name, "songs"])


@pytest.mark.usefixtures("analyzer")
@pytest.mark.parametrize(
    ("name", "form", "told"),
    [
        ("out.csv", "json", True),
        ("out.xlsx", "csv", True),
        ("out.txt", "csv", True),
        ("out.json", "json", False),
        ("out.ndjson", "jsonl", False),
        ("out.txt", "table", False),
        ("out", "json", False),
    ],
)
def test_a_form_counts_before_the_ending_and_is_told_if_they_differ(
    tmp_path: Path, songs: Path, name: str, form: str, told: bool
) -> None:
    result = hevner_analyze(songs, "-o", tmp_path / name, "--format", form)
    assert result.exit_code == 0
    assert (f"{name} will hold {form}" in result.stderr) == told
    assert hevner_analyze(songs, "-f", form).stdout == (tmp_path / name).read_text("utf-8")


@pytest.mark.usefixtures("analyzer")
@pytest.mark.parametrize(("name", "sign"), [("out.htm", "<!"), ("out.ndjson", "{"), ("out", "\n")])
def test_other_endings_of_a_form_are_known(
    tmp_path: Path, songs: Path, name: str, sign: str
) -> None:
    assert hevner_analyze(songs, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / name).read_text("utf-8").startswith(sign)


def test_options_know_the_home_where_no_shell_writes_it_out(tmp_path: Path, songs: Path) -> None:
    call = command("analyze", songs, "--output=~/out.csv", fake=(tmp_path / "log", "never"))
    home = environment() | {"HOME": str(tmp_path), "HEVNER_CACHE": "~/kept"}
    subprocess.run(
        call, cwd=ROOT, env=home, check=True, timeout=PATIENCE_S, stderr=subprocess.DEVNULL
    )
    assert contents(tmp_path) == ["kept", "log", "out.csv", "songs"]


@pytest.mark.usefixtures("analyzer")
@pytest.mark.parametrize(
    ("scale", "value"), [("-1..1", -0.25), ("0..1", 0.375), ("1..9", 4.0), ("-10..0", -6.25)]
)
def test_results_are_on_the_scale_asked_for(songs: Path, scale: str, value: float) -> None:
    for arguments in (("--scale", scale), (f"--scale={scale}",)):
        first, _ = lines(hevner_analyze(songs, "-f", "jsonl", *arguments))
        assert first["scale"] == scale
        assert first["valence"]["value"] == pytest.approx(value)


@pytest.mark.usefixtures("analyzer")
def test_plots_go_into_a_folder_like_that_of_the_songs(tmp_path: Path, songs: Path) -> None:
    other = write(tmp_path / "other/a.wav", music(1.5))
    assert hevner_analyze(songs, other, "--plot", tmp_path / "plots").exit_code == 0
    drawn = [path.relative_to(tmp_path / "plots") for path in (tmp_path / "plots").rglob("*.png")]
    assert sorted(map(str, drawn)) == ["a.wav-2.png", "a.wav.png", "more/b.flac.png"]


@pytest.mark.usefixtures("analyzer")
@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("jams", ["a-2.jams", "a.jams", "more/b.jams"]),
        ("lab", ["a-2.lab", "a.lab", "more/b.lab"]),
        ("audacity", [f"{name}.{what}.txt" for name in ("a", "a-2", "more/b")
                      for what in ("chords", "emotion")]),
        ("sonic-visualiser", [f"{name}.{what}.csv" for name in ("a", "a-2", "more/b")
                              for what in ("arousal", "chords", "tension", "valence")]),
    ],
)  # fmt: skip
def test_annotations_go_into_a_folder_like_that_of_the_songs(
    tmp_path: Path, songs: Path, form: str, names: list[str]
) -> None:
    other = write(tmp_path / "other/a.flac", music(1.5))
    into = tmp_path / "out"
    done = hevner_analyze(songs, other, tmp_path / "none.wav", "--format", form, "--to", into)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "none.wav" in done.stderr
    made = [str(path.relative_to(into)) for path in into.rglob("*.*")]
    assert sorted(made) == sorted(names)


@pytest.mark.usefixtures("analyzer")
def test_annotations_that_cannot_be_written_fail_one_by_one(tmp_path: Path, songs: Path) -> None:
    (tmp_path / "out" / "a.jams").mkdir(parents=True)
    done = hevner_analyze(songs, "--format", "jams", "--to", tmp_path / "out")
    assert done.exit_code == 1
    assert "a.jams: cannot be written" in done.stderr
    assert (tmp_path / "out" / "more" / "b.jams").is_file()


@pytest.mark.usefixtures("analyzer")
def test_a_parquet_file_has_a_row_for_each_file(tmp_path: Path, songs: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    done = hevner_analyze(songs, "-o", tmp_path / "out.parquet")
    assert (done.exit_code, done.stdout) == (0, "")
    paths = pq.read_table(tmp_path / "out.parquet")["path"].to_pylist()
    assert paths == [str(songs / "a.wav"), str(songs / "more" / "b.flac")]


@pytest.mark.usefixtures("analyzer")
def test_plot_of_a_single_piece_goes_into_a_file(tmp_path: Path, songs: Path) -> None:
    assert hevner_analyze(songs / "a.wav", "--plot", tmp_path / "a.svg").exit_code == 0
    assert (tmp_path / "a.svg").read_text("utf-8").startswith("<?xml")


@pytest.mark.usefixtures("analyzer")
def test_tags_of_use_are_told_if_asked_for(songs: Path) -> None:
    assert "corporate" not in hevner_analyze(songs).stdout
    assert "corporate" in hevner_analyze(songs, "--all-tags").stdout


@pytest.mark.usefixtures("analyzer")
def test_quiet_says_nothing_but_results(songs: Path) -> None:
    result = hevner_analyze(songs, "--quiet", "-f", "jsonl")
    assert len(lines(result)) == 2
    assert result.stderr == ""


# What fails


@pytest.mark.usefixtures("analyzer")
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv"])
def test_failed_files_get_rows_and_the_others_finish(songs: Path, form: str) -> None:
    (songs / "empty.mp3").write_bytes(b"")
    result = hevner_analyze(songs, songs / "missing.wav", "-f", form)
    assert result.exit_code == 1
    for what in (
        "a.wav",
        "b.flac",
        "empty.mp3",
        "the file is empty",
        "missing.wav",
        "no such file",
    ):
        assert what in result.stdout
    assert "2 analysed, 2 failed" in result.stderr


@pytest.mark.usefixtures("analyzer")
def test_folder_that_cannot_be_read_gets_a_row(
    songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("more"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = hevner_analyze(songs, "-f", "jsonl")
    assert result.exit_code == 1
    assert [record["status"] for record in lines(result)] == ["ok", "failed"]


@pytest.mark.usefixtures("analyzer")
def test_silence_is_a_row_and_no_failure(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", music() * 0)
    result = hevner_analyze(path, "-f", "jsonl")
    assert result.exit_code == 0
    assert lines(result)[0]["status"] == "silent"
    assert "1 silent" in result.stderr


@pytest.mark.usefixtures("analyzer")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["songs", "--scale", "9..1"], "does not rise"),
        (["songs", "--scale", "big"], "is not a scale"),
        (["songs", "--format", "xml"], "xml"),
        (["songs", "--jobs", "0"], "jobs"),
        (["songs", "--frobnicate"], "frobnicate"),
        (["songs", "-o", "nowhere/out.csv"], "Create the folder first"),
        (["songs", "--plot", "a.png"], "one file cannot hold the plots of 2 pieces"),
        (["songs", "--plot", "a.gif"], "plots are .png, .svg, .pdf, not .gif"),
        (["songs", "--plot", "a.jpeg"], "not .jpeg"),
        (["songs", "-o", "a.xlsx"], ".xlsx is the ending of no form"),
        (["songs", "-o", "a.pdf"], ".pdf is the ending of no form"),
        (["songs", "--format", "jams"], "jams makes files for each piece"),
        (["songs", "--format", "lab", "--to", "out", "-o", "a.csv"], "files for each piece"),
        (["songs", "--format", "csv", "--to", "out"], "it is for --format jams"),
        (["songs", "--format", "parquet"], "needs a name"),
        (["nothing"], "no audio files found"),
        ([], "PATH"),
    ],
    ids=str,
)
def test_calls_that_make_no_sense_are_refused(
    songs: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(songs.parent)
    Path("nothing").mkdir()
    result = hevner_analyze(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("analyzer")
def test_output_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    output = tmp_path / "out.csv"
    output.write_text("old")
    monkeypatch.setattr(os, "replace", refuse)
    result = hevner_analyze(songs, "-o", output, "--no-cache")
    assert result.exit_code == 1
    assert (
        f"{output}: cannot be written (No space left on device). Free some space" in result.stderr
    )
    assert output.read_text() == "old"
    assert contents(tmp_path) == ["out.csv", "songs"]


@pytest.mark.usefixtures("analyzer")
def test_plots_that_cannot_be_written_do_not_stop_the_results(tmp_path: Path, songs: Path) -> None:
    (tmp_path / "plots").write_text("in the way")
    result = hevner_analyze(songs, "--plot", tmp_path / "plots", "-f", "jsonl")
    assert result.exit_code == 1
    assert [record["status"] for record in lines(result)] == ["ok", "ok"]
    assert str(tmp_path / "plots") in result.stderr


@pytest.mark.usefixtures("analyzer")
def test_names_that_are_not_unicode_work_everywhere(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/in/caf\xe9.wav"))
    write(tmp_path / "in/a.wav").rename(path)
    for form in ("table", "json", "jsonl", "csv"):
        result = hevner_analyze(tmp_path / "in", "-f", form, "--plot", tmp_path / "plots")
        assert result.exit_code == 0
        assert "caf\\xe9.wav" in result.stdout.replace("\\\\", "\\")
    assert contents(tmp_path / "plots") == ["caf\udce9.wav.png"]


@pytest.mark.parametrize("window", ["0", "-3", "0.5", "nan"])
def test_window_too_short_for_the_model_is_refused(songs: Path, window: str) -> None:
    result = hevner_analyze(songs, "--window", window)
    assert result.exit_code == 2
    assert "Use at least" in result.stderr


# The cache


def test_second_run_analyses_nothing_anew(songs: Path, analyzer: fakes.FakeAnalyzer) -> None:
    first = hevner_analyze(songs, "-f", "jsonl")
    second = hevner_analyze(songs, "-f", "jsonl", "--scale", "-1..1")
    assert sorted(analyzer.asked) == ["a.wav", "b.flac"]
    assert second.stdout == first.stdout
    assert "2 of them known from before" in second.stderr


def test_other_options_of_the_analysis_are_analysed_anew(
    songs: Path, analyzer: fakes.FakeAnalyzer
) -> None:
    hevner_analyze(songs)
    hevner_analyze(songs, "--window", "5")
    assert len(analyzer.asked) == 4
    hevner_analyze(songs, "--no-cache")
    assert len(analyzer.asked) == 6


@pytest.mark.usefixtures("analyzer")
def test_cache_that_cannot_be_written_is_one_warning(
    tmp_path: Path, songs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HEVNER_CACHE", str(tmp_path / "file"))
    result = hevner_analyze(songs, "-f", "jsonl")
    assert result.exit_code == 0
    assert len(lines(result)) == 2
    assert result.stderr.count("Warning: results are not kept") == 1


# Processes


def test_killed_run_resumes_and_leaves_nothing_partial(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "hang", "z"):
        write(tmp_path / f"in/{name}.wav", music(0.5 + ord(name[0]) / 1000))
    log, kept = tmp_path / "log", Path(os.environ["HEVNER_CACHE"])
    output = tmp_path / "out/results.jsonl"
    output.parent.mkdir()
    call = ("analyze", tmp_path / "in", "-o", output, "-j", "1")
    child = subprocess.Popen(
        command(*call, fake=(log, "hang")), cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL
    )
    give_up = time.monotonic() + PATIENCE_S
    while len(list(kept.rglob("*.json"))) < 3 and time.monotonic() < give_up:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert log.read_text().split() == ["a.wav", "b.wav", "c.wav"]
    assert contents(output.parent) == []
    subprocess.run(
        command(*call, fake=(log, "never")),
        cwd=ROOT,
        env=environment(),
        check=True,
        timeout=PATIENCE_S,
    )
    assert log.read_text().split() == ["a.wav", "b.wav", "c.wav", "hang.wav", "z.wav"]
    assert len(output.read_text().splitlines()) == 5
    assert contents(output.parent) == ["results.jsonl"]
    assert {path.suffix for path in kept.rglob("*") if path.is_file()} == {".json"}


@pytest.mark.skipif(sys.platform == "win32", reason="no signals of that kind there")
def test_interruption_stops_cleanly_and_keeps_what_is_finished(tmp_path: Path) -> None:
    for name in ("a", "b", "hang"):
        write(tmp_path / f"in/{name}.wav", music(0.5 + ord(name[0]) / 1000))
    kept, output = Path(os.environ["HEVNER_CACHE"]), tmp_path / "out.jsonl"
    call = command("analyze", tmp_path / "in", "-o", output, "-j1", fake=(tmp_path / "log", "hang"))
    child = subprocess.Popen(call, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + PATIENCE_S
    while len(list(kept.rglob("*.json"))) < 2 and time.monotonic() < give_up:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    assert "Ctrl-C again stops at once" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    assert child.wait(PATIENCE_S) == 130
    assert "Traceback" not in child.stderr.read()
    child.stderr.close()
    assert len(list(kept.rglob("*.json"))) == 2
    assert contents(tmp_path) == ["in", "log"]


def test_reader_that_goes_away_is_no_crash(tmp_path: Path, songs: Path) -> None:
    call = command("analyze", songs, "-f", "jsonl", fake=(tmp_path / "log", "never"))
    child = subprocess.Popen(
        call, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    errors = child.stderr.read()
    assert child.wait(PATIENCE_S) == 1
    child.stderr.close()
    assert "Traceback" not in errors
    assert "Exception" not in errors


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("way", ["standard output", "-o"])
def test_full_disk_is_named_with_a_remedy(tmp_path: Path, songs: Path, way: str) -> None:
    call = command("analyze", songs, "-f", "jsonl", fake=(tmp_path / "log", "never"))
    if way == "-o":
        call += ["-o", "/dev/full"]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            call, cwd=ROOT, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Free some space" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_progress_shows_on_a_terminal_and_never_in_the_results(tmp_path: Path, songs: Path) -> None:
    """The results go through a pipe while a terminal is watched."""
    import pty

    ours, theirs = pty.openpty()
    seen = b""
    with subprocess.Popen(
        command("analyze", songs, "-f", "jsonl", fake=(tmp_path / "log", "never")),
        cwd=ROOT,
        env=environment() | {"TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        # It holds some kilobytes, and the longer a run takes the more is shown of it.
        with suppress(OSError):  # nobody can write to it any more
            while part := os.read(ours, 100_000):
                seen += part
        os.close(ours)
        results = process.communicate()[0]
    assert b"Analysing" in seen
    assert b"2/2" in seen
    assert "\x1b" not in results
    assert len([json.loads(line) for line in results.splitlines()]) == 2


def test_notes_of_decoders_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """libmpg123 would write three lines about this file."""
    (tmp_path / "a.mp3").write_text("no music\n" * 500)
    done = subprocess.run(
        command("analyze", tmp_path / "a.mp3", fake=(tmp_path / "log", "never")),
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 1
    assert "resync" not in done.stderr
    assert done.stderr.startswith("1 file in")


def test_version_is_told() -> None:
    done = process("--version")
    assert done.stdout == f"hevner {hevner.__version__}\n"


def test_call_without_arguments_shows_help() -> None:
    assert "analyze" in CliRunner().invoke(app, []).output


def test_importing_and_helping_load_nothing_heavy() -> None:
    heavy = ("numpy", "scipy", "onnxruntime", "soundfile", "soxr", "matplotlib", "rich", "torch")
    script = (
        "import sys, hevner, hevner.cli\n"
        "try:\n    hevner.cli.app(['analyze', '--help'])\n"
        "except SystemExit:\n    pass\n"
        f"found = [m for m in {heavy} if m in sys.modules]\n"
        "assert not found, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "--scale" in done.stdout


def test_matrix_products_use_one_thread_unless_told() -> None:
    script = (
        "import os, sys, hevner.cli\n"
        "sys.argv = ['hevner', '--version']\n"
        "try:\n    hevner.cli.main()\n"
        "except SystemExit:\n    pass\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'], os.environ['OMP_NUM_THREADS'])\n"
    )
    given = {n: v for n, v in environment().items() if n not in hevner.cli.BLAS_THREADS}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**given, "OMP_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "1 3"
    # Where numpy is loaded already, processes would differ from the one that starts them.
    script = f"import numpy\n{script}".replace(
        "['OPENBLAS_NUM_THREADS']", ".get('OPENBLAS_NUM_THREADS')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**given, "OMP_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1] == "None 3"


# With the real analysis


def test_song_is_analysed_from_end_to_end_and_known_the_second_time(tmp_path: Path) -> None:
    write(tmp_path / "in/song.wav", music(8.0))
    write(tmp_path / "in/silent.wav", music(1.0) * 0)
    (tmp_path / "in/bad.mp3").write_text("no music")
    first = process("analyze", tmp_path / "in", "-f", "jsonl", "--plot", tmp_path / "plots")
    assert first.returncode == 1
    bad, silent, song = map(json.loads, first.stdout.splitlines())
    assert (bad["status"], silent["status"], song["status"]) == ("failed", "silent", "ok")
    assert song["valence"]["low"] <= song["valence"]["value"] <= song["valence"]["high"]
    assert song["timeline"][-1]["end"] == pytest.approx(8.0, abs=0.1)
    assert len(song["moods"]) == 9
    assert contents(tmp_path / "plots") == ["silent.wav.png", "song.wav.png"]
    script = (
        "import sys; from typer.testing import CliRunner; from hevner.cli import app\n"
        f"r = CliRunner().invoke(app, ['analyze', {str(tmp_path / 'in/song.wav')!r}, '-fjsonl'])\n"
        "assert r.exit_code == 0, r.output\n"
        "heavy = {'numpy', 'scipy', 'soundfile', 'onnxruntime'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "sys.stdout.write(r.stdout)\n"
    )
    again = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == song


def test_public_names_are_there() -> None:
    for name in hevner.__all__:
        assert getattr(hevner, name) is not None
    assert set(dir(hevner)) >= set(hevner.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hevner.nothing  # noqa: B018
