"""All forms of a result say the same: numbers, texts, and what is not known."""

from __future__ import annotations

import csv
import io
import json
import math
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hevner import output
from hevner.emotion import Scale
from hevner.files import printable
from hevner.output.annotations import audacity, jams, lab, sonic_visualiser
from hevner.output.frames import to_arrow, to_frame
from hevner.output.spreadsheet import cell
from hevner.result import Analysis, Estimate, Failure, Moment
from tests.fakes import sample, silence

pytest.importorskip("pandas", reason="data frames need the extra 'frames'")
parquet = pytest.importorskip("pyarrow.parquet")

units = st.floats(-1, 1, allow_subnormal=False)
shares = st.floats(0, 1, allow_subnormal=False)
names = st.text(
    st.one_of(st.sampled_from("=+-@'\"\n\r\t,;|<&>%\\\U0001f600é="), st.characters(codec="utf-8")),
    min_size=1,
    max_size=12,
).map(lambda name: name.replace("\0", "_").replace("/", "_"))
estimates = st.tuples(units, units, units).map(
    lambda ends: Estimate(sorted(ends)[1], min(ends), max(ends))
)


@st.composite
def analyses(draw: st.DrawFn) -> Analysis | Failure:
    """Results of all kinds, with unusual names, numbers and gaps."""
    name = draw(names)
    kind = draw(st.sampled_from(("ok", "ok", "ok", "silent", "failed")))
    if kind == "failed":
        return Failure(name, "decode", draw(names), draw(names), code="bad_audio")
    if kind == "silent":
        return silence(name)
    maybe = st.none() | estimates
    edges = draw(st.lists(st.floats(0, 600), min_size=2, max_size=6, unique=True).map(sorted))
    moments = [
        Moment(start, end, draw(maybe), draw(maybe), draw(maybe)) for start, end in pairwise(edges)
    ]
    found = sample(
        name,
        valence=draw(estimates),
        arousal=draw(estimates),
        tension=draw(maybe),
        emotions=draw(st.none() | st.just(sample().emotions)),
        key=draw(st.sampled_from((None, "A minor", "Bb major"))),
        tempo=draw(st.none() | st.floats(30, 240)),
        familiarity=draw(st.none() | shares),
        sounds_like=draw(st.none() | st.just({"song": 1.0})),
        classes=draw(st.dictionaries(names, shares, max_size=2)),
        warnings=tuple(draw(st.lists(names, max_size=2))),
        timeline=tuple(moments),
    )
    return found.on(Scale.parse(draw(st.sampled_from(("-1..1", "1..9", "0..100")))))


def written(form: str, record: Analysis | Failure) -> str:
    text = io.StringIO(newline="")
    writer = output.create(form, text, output.Options(beats=True, explain=True))
    writer.write(record)
    writer.finish()
    return text.getvalue()


@given(record=analyses())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_forms_agree(record: Analysis | Failure) -> None:
    row = record.to_row()
    (shown,) = json.loads(written("json", record))
    assert shown == json.loads(written("jsonl", record)) == record.to_dict()
    assert to_arrow(record).to_pylist() == [row]
    file = io.BytesIO()
    writer = output.create("parquet", file)  # type: ignore[arg-type]
    writer.write(record)
    writer.finish()
    assert parquet.read_table(file).to_pylist() == [row]
    frame = to_frame(record).iloc[0]
    (cells,) = csv.DictReader(io.StringIO(written("csv", record), newline=""))
    assert list(cells) == list(row)
    for name, value in row.items():
        missing = frame[name] is None or (
            isinstance(frame[name], float) and math.isnan(frame[name])
        )
        assert missing == (value is None) == (cells[name] == "")
        if value is not None:
            assert frame[name] == value
            assert (
                cells[name] == cell(value)
                if isinstance(value, str)
                else float(cells[name]) == value
            )
    agrees_with_columns(shown, row)
    if isinstance(record, Analysis):
        assert Analysis.from_dict(shown) == record
        agrees_with_annotations(record)


def agrees_with_columns(shown: dict[str, Any], row: dict[str, object]) -> None:
    """Columns have the numbers and texts of JSON, and no others."""
    texts = {name: one for name, one in shown.items() if not isinstance(one, dict | list)}
    assert {name: row[name] for name in texts if name in row} == {
        name: one if one != "" else None for name, one in texts.items() if name in row
    }
    estimated = {name: shown.get(name) for name in ("valence", "arousal", "tension")}
    estimated |= {f"emotion_{name}": one for name, one in (shown.get("emotions") or {}).items()}
    for name, one in estimated.items():
        for end, column in (("value", name), ("low", f"{name}_low"), ("high", f"{name}_high")):
            assert row[column] == (one and one[end])
    shares = {f"mood_{name}".replace(" ", "_"): one for name, one in shown.get("moods", {}).items()}
    shares |= {
        f"tag_{one['name']}".replace(" ", "_"): one["probability"] for one in shown.get("tags", ())
    }
    assert shares == {name: row[name] for name in row if name in shares}


def agrees_with_annotations(analysis: Analysis) -> None:
    """Forms for other programs and the page have the numbers of an analysis, and no others."""
    page = unescape(written("html", analysis))
    assert printable(analysis.path) in page
    for one in analysis.estimates().values():
        assert f"{one.value:+.2f} [{one.low:+.2f}, {one.high:+.2f}]" in page
    found: dict[str, list[list[dict[str, object]]]] = {}
    for part in json.loads(jams(analysis)["jams"])["annotations"]:
        found.setdefault(part["namespace"], []).append(part["data"])
    known = [one for one in analysis.timeline if one.valence and one.arousal]
    points = [
        [one.valence.value, one.arousal.value] for one in known if one.valence and one.arousal
    ]
    moods = [[one["value"] for one in data] for data in found.pop("mood_thayer", [])]
    whole = [
        [[analysis.valence.value, analysis.arousal.value]]
        for _ in range(1)
        if analysis.valence and analysis.arousal
    ]
    assert moods == whole + [points] * bool(points)
    assert ("key_mode" in found) == (analysis.key is not None)
    assert len(audacity(analysis).get("emotion.txt", "").splitlines()) == len(points)
    for name in ("valence", "arousal", "tension"):
        lines = sonic_visualiser(analysis).get(f"{name}.csv", "").splitlines()
        values = [getattr(one, name) for one in analysis.timeline]
        assert [float(line.split(",")[1]) for line in lines] == pytest.approx(
            [one.value for one in values if one], abs=1e-6
        )
    chords = [line.split("\t") for line in lab(analysis).get("lab", "").splitlines()]
    assert [float(end) for _, end, _ in chords] == pytest.approx([c.end for c in analysis.chords])
