"""Listening on the page: zoom, loop, pictures of the sound, further curves, why, and notes."""

from __future__ import annotations

import csv
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import jams
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
Page, expect = sync_api.Page, sync_api.expect

from hevner.words.explaining import TERMS
from tests import fakes
from tests.page.pages import (
    AUDIO,
    PATIENCE_S,
    TEXT,
    Opener,
    Service,
    copied,
    drawn,
    drop,
    playhead,
    result_of,
    wait_for,
    write_wav,
)

# The package jams uses jsonschema in a way that is going to be removed.
pytestmark = pytest.mark.filterwarnings("ignore:Passing a schema:DeprecationWarning")

LINE = ".timeline[role]"
MINUTES = 10
SHOWN = "import('./static/player.js').then(({ player }) => player.time)"
FILLED = """() => {
    const shown = document.querySelector(".wave");
    const { data } = shown.getContext("2d").getImageData(0, 0, shown.width, shown.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length > 0.05 * data.length;
}"""
FORGOTTEN = """async () => {
    const { analyses } = await (await fetch("api/v1/analyses")).json();
    return !analyses.some(({ state }) => state === "failed");
}"""
AT = """async () => {
    const { player } = await import("./static/player.js");
    await new Promise(requestAnimationFrame);
    const line = document.querySelector(".timeline[role]").getBoundingClientRect();
    const head = document.querySelector(".playhead:not(.ghost)").getBoundingClientRect();
    return [player.time, (head.left + head.width / 2 - line.left) / line.width];
}"""
"""The time that plays, and where the playhead is in the same frame."""

LOOPED = """async ([times, seconds]) => {
    const { player } = await import("./static/player.js");
    const seen = [[performance.now() / 1000, player.time]];
    const until = seen[0][0] + seconds;
    for (let back = 0; back < times && seen.at(-1)[0] < until;) {
        await new Promise(requestAnimationFrame);
        seen.push([performance.now() / 1000, player.time]);
        back += seen.at(-1)[1] < seen.at(-2)[1] - 0.5;
    }
    return seen;
}"""
"""Times of the clock and of the player in each frame, until it has gone back so often."""


def listen(service: Service, opened: Opener, file: Path, **options: Any) -> Any:
    """A page that shows a piece with all that belongs to it."""
    page, _ = opened(service, **options)
    drop(page, file)
    expect(page.locator(LINE)).to_be_visible()
    expect(page.locator("[data-layer=joy]")).to_be_visible()
    drawn(page, ".wave")
    page.click(".listen button")
    page.wait_for_function(f"async () => await {SHOWN} > 0")
    page.click(".listen button")
    press(page, "Home")  # loaded, and it does not play
    return page


def span(begin: str, end: str) -> str:
    """A span as the page shows it."""
    return str(TEXT["listen.span"]).format(**{"from": begin, "to": end})


def press(page: Page, *keys: str) -> None:
    """Press keys with the focus on the timeline."""
    page.focus(LINE)
    for key in keys:
        page.keyboard.press(key)


def part(page: Page) -> tuple[float, float]:
    """Where the shown part of the piece begins and how long it is, as shares of the piece."""
    left, width = page.evaluate(
        """() => {
            const { left, width } = document.querySelector(".overview .part").style;
            return [parseFloat(left), parseFloat(width)];
        }"""
    )
    return left / 100, width / 100


def note(page: Page, text: str) -> None:
    """Write a note."""
    page.fill("#note-text", text)
    page.press("#note-text", "Enter")


def notes(page: Page) -> Any:
    """The lines of all notes."""
    return page.locator(".notes-list li .text")


def test_zoom_keeps_playhead_and_pointer(service: Service, opened: Opener) -> None:
    page = listen(service, opened, AUDIO / "journey.ogg")
    duration = result_of(page)["duration"]
    expect(page.locator(".overview")).to_be_hidden()
    box = page.locator(LINE).bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 150)
    press(page, "+", "+")
    expect(page.locator(".overview")).to_be_visible()
    begin, length = part(page)
    assert length == pytest.approx(1 / 4, abs=1e-3)
    # The playhead stays where it is on the screen, and is at the time that plays.
    assert playhead(page) == pytest.approx(0.75, abs=0.01)
    assert begin + 0.75 * length == pytest.approx(0.75, abs=0.005)
    page.keyboard.press("Space")
    page.wait_for_function(f"async () => await {SHOWN} > {0.75 * duration + 0.2}")
    seconds, head = page.evaluate(AT)
    assert begin + head * length == pytest.approx(seconds / duration, abs=0.005)
    page.keyboard.press("Space")
    expect(page.locator(".listen button")).to_have_text(TEXT["player.play"])

    # A click is at the time that is shown there.
    begin, length = part(page)
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 150)
    assert page.evaluate(SHOWN) / duration == pytest.approx(begin + 0.5 * length, abs=0.01)

    # The wheel keeps what is below the pointer.
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 150)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function(
        "(width) => parseFloat(document.querySelector('.overview .part').style.width) < width",
        arg=100 * length - 1,
    )
    closer, shorter = part(page)
    assert closer + 0.25 * shorter == pytest.approx(begin + 0.25 * length, abs=0.002)

    # A jump by a key takes the shown part along.
    press(page, "Home")
    assert part(page)[0] == 0
    press(page, "End")
    assert sum(part(page)) == pytest.approx(1)
    assert 0 <= playhead(page) <= 1
    page.focus(".overview")
    page.keyboard.press("Home")
    expect(page.locator(".playhead:not(.ghost)")).to_be_hidden()
    press(page, "0")
    expect(page.locator(".overview")).to_be_hidden()
    expect(page.get_by_role("button", name=TEXT["listen.zoom.out"])).to_be_disabled()


def test_a_loop_is_repeated_and_cleared(service: Service, opened: Opener) -> None:
    page = listen(service, opened, AUDIO / "journey.ogg")
    box = page.locator(LINE).bounding_box()
    duration = result_of(page)["duration"]
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.52 * box["width"], box["y"] + 150, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    area = page.locator(".loop-area").bounding_box()
    assert (area["x"] - box["x"]) / box["width"] == pytest.approx(0.5, abs=0.005)
    assert area["width"] / box["width"] == pytest.approx(0.02, abs=0.005)
    begin, end = 0.5 * duration, 0.52 * duration
    page.mouse.click(box["x"] + 0.501 * box["width"], box["y"] + 150)
    page.keyboard.press("Space")
    page.wait_for_function(f"async () => await {SHOWN} > {begin} + 0.2")
    frames = page.evaluate(LOOPED, [2, PATIENCE_S])
    seen = [time for _, time in frames]
    assert sum(later < earlier - 0.5 for earlier, later in pairwise(seen)) == 2, seen
    assert min(seen) >= begin - 0.06
    # A busy machine, on which a frame takes long, comes to it late, but it does not run away.
    longest = max(later - earlier for (earlier, _), (later, _) in pairwise(frames))
    assert max(seen) <= end + 0.25 + longest

    # Whoever moves behind the loop plays on from there.
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 150)
    page.wait_for_function(f"async () => await {SHOWN} > {0.6 * duration} + 0.3")
    page.keyboard.press("Space")
    press(page, "Escape")
    expect(page.locator(".loop-area")).to_be_hidden()
    press(page, "Home", "[", "ArrowRight", "]")
    expect(page.get_by_role("group", name=TEXT["listen.loop"])).to_contain_text(
        span("0:00.0", "0:05.0")
    )
    page.get_by_role("button", name=TEXT["listen.loop.clear"]).click()
    expect(page.locator(".loop-area")).to_be_hidden()


def test_pictures_of_the_sound_come_on_demand(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    """A tone of 440 Hz, then one of 880 Hz, are where those notes are."""
    time = np.arange(40 * 16_000) / 16_000
    tone = 0.4 * np.sin(2 * np.pi * np.where(time < 20, 440, 880) * time)
    file = write_wav(tmp_path / "tones.wav", (tone * 32_767).astype("<i2").tobytes(), 16_000)
    page, watch = opened(service)
    music = fakes.sample("tones.wav", 40).to_dict()  # tones alone are no music
    page.route("**/result", lambda route: route.fulfill(json=music))
    drop(page, file)
    expect(page.locator("[data-layer=spectrogram]")).to_be_enabled()
    assert not any("spectrum-worker" in one for one in watch.requests)
    page.click("[data-layer=spectrogram]")
    # Rows of the picture from the highest: A5 is semitone 48 above A1, A4 is 36; of 72.
    loudest = """([share]) => {
        const shown = document.querySelector(".spectrum");
        if (!shown.height) return [0, 0];
        const x = Math.round(share * shown.width);
        const { data } = shown.getContext("2d").getImageData(x, 0, 1, shown.height);
        let best = 0;
        for (let y = 0; y < shown.height; y += 1) {
            if (data[4 * y + 3] > data[4 * best + 3]) best = y;
        }
        return [best / shown.height, data[4 * best + 3]];
    }"""
    page.wait_for_function(f"() => ({loudest})([0.9])[1] > 200")
    assert 1 - page.evaluate(loudest, [0.25])[0] == pytest.approx(36.5 / 72, abs=0.02)
    assert 1 - page.evaluate(loudest, [0.75])[0] == pytest.approx(48.5 / 72, abs=0.02)
    page.click("[data-layer=chroma]")
    expect(page.locator("[data-layer=spectrogram]")).to_have_attribute("aria-pressed", "false")
    page.wait_for_function(f"() => Math.abs(1 - ({loudest})([0.75])[0] - 9.5 / 12) < 0.05")
    assert 1 - page.evaluate(loudest, [0.25])[0] == pytest.approx(9.5 / 12, abs=0.05)


def test_further_curves_and_moods_at_the_playhead(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page = listen(service, opened, copied("journey.ogg", tmp_path))
    told = result_of(page)
    course = result_of(page, "moments")
    assert {len(values) for part in course.values() for values in part.values()} == {
        len(told["timeline"])
    }
    expect(page.locator(".curve:visible")).to_have_count(3)
    page.click("[data-layer=joy]")
    page.click("[data-layer=tension]")
    expect(page.locator(".curve:visible")).to_have_count(3)
    felt = page.locator(".now .moods")
    expressed = page.locator(".now .basic")
    expect(expressed).to_have_text(f"joy {course['emotions']['joy'][0]:.2f}")
    expect(page.locator(".now .expressed dt")).to_have_text(TEXT["listen.emotions"])
    press(page, "End")
    expect(expressed).to_have_text(f"joy {course['emotions']['joy'][-1]:.2f}")
    last = {name: values[-1] for name, values in course["moods"].items()}
    strongest = max(last, key=lambda name: last[name])
    shown = TEXT.get(f"mood.{strongest}", strongest)
    expect(felt).to_contain_text(f"{shown} {100 * last[strongest]:.0f} %")
    page.click("[data-layer=joy]")
    expect(page.locator(".now .expressed")).to_be_hidden()
    page.click("[data-layer=joy]")
    page.reload()  # what is shown is kept
    expect(page.locator("[data-layer=joy]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-layer=tension]")).to_have_attribute("aria-pressed", "false")
    page.evaluate("localStorage.setItem('hevner.layers', '{damaged')")
    page.reload()
    expect(page.locator("[data-layer=tension]")).to_have_attribute("aria-pressed", "true")


def signed(value: float) -> str:
    """A number as the page shows it."""
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"  # noqa: RUF001


def test_why_follows_the_playhead(service: Service, opened: Opener, tmp_path: Path) -> None:
    page = listen(service, opened, copied("journey.ogg", tmp_path))
    told = result_of(page)
    why, moment = told["explanation"], told["timeline"][-1]
    press(page, "End")
    said = page.locator(".why")
    above = moment["arousal"]["value"] - told["arousal"]["value"]
    page.locator(".why .segments button").nth(1).click()
    expect(said).to_contain_text(
        f"{TEXT['arousal']} {signed(moment['arousal']['value'])}, {signed(above)} against the piece"
    )
    here, whole = page.locator(".contributions ul").all()
    for element, terms in (
        (here, why["timeline"][-1]["arousal"]),
        (whole, why["readings"]["arousal"]["terms"]),
    ):
        strongest = max((n for n in terms if n != "other"), key=lambda name: abs(terms[name]))
        expect(element.locator("li").first).to_contain_text(TERMS[strongest][0])
        expect(element.locator("li").first).to_contain_text(signed(terms[strongest]))
        # What is listed adds up.
        numbers = [
            float(text.replace("−", "-"))  # noqa: RUF001
            for text in element.locator(".number").all_text_contents()
        ]
        assert sum(numbers) == pytest.approx(sum(terms.values()), abs=0.006 * len(numbers) + 0.006)


def test_a_silent_moment_is_explained_by_the_piece(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, _ = opened(service)

    def silent(route: Any) -> None:
        told = route.fetch().json()
        nothing = {"valence": None, "arousal": None, "tension": None}
        told["timeline"][0] |= nothing
        told["explanation"]["timeline"][0] = {}
        route.fulfill(json=told)

    page.route("**/result", silent)
    drop(page, copied("journey.ogg", tmp_path))
    expect(page.locator(".why")).to_contain_text(TEXT["listen.why.none"])
    expect(page.locator(".contributions ul")).to_have_count(1)


def test_terms_are_called_as_everywhere() -> None:
    for term, (label, low, high) in TERMS.items():
        assert TEXT[f"listen.term.{term}"] == label
        assert (
            TEXT.get(f"listen.term.{term}.low", ""),
            TEXT.get(f"listen.term.{term}.high", ""),
        ) == (
            low,
            high,
        )


def test_notes_are_kept_changed_and_brought_back(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page = listen(service, opened, copied("journey.ogg", tmp_path))
    press(page, "ArrowRight", "n")
    page.keyboard.type("enters, softly")
    page.keyboard.press("Enter")
    press(page, "[", "ArrowRight", "]")
    note(page, '=a "span"')
    expect(notes(page)).to_have_text(["enters, softly", '=a "span"'])
    expect(page.locator(".notes-list li").nth(1)).to_contain_text(span("0:05.0", "0:10.0"))
    expect(page.locator(".marks")).to_be_visible()
    page.reload()
    expect(notes(page)).to_have_text(["enters, softly", '=a "span"'])
    page.locator(".notes-list li").first.get_by_text(TEXT["listen.notes.edit"]).click()
    editor = page.locator(".notes-list form")
    editor.get_by_label(TEXT["listen.notes.text"]).fill("enters, loudly")
    editor.get_by_label(TEXT["listen.notes.start"]).fill("2.5")
    page.keyboard.press("Enter")
    expect(notes(page).first).to_have_text("enters, loudly")
    expect(page.locator(".notes-list li").first).to_contain_text(span("0:02.5", "0:05.0"))
    page.get_by_role("button", name=TEXT["listen.notes.delete"]).first.click()
    expect(notes(page)).to_have_text(['=a "span"'])
    page.get_by_role("button", name=TEXT["listen.notes.undo"]).click()
    expect(notes(page)).to_have_text(["enters, loudly", '=a "span"'])


def test_notes_are_exported_and_read_back(service: Service, opened: Opener, tmp_path: Path) -> None:
    page = listen(service, opened, copied("journey.ogg", tmp_path))
    duration = result_of(page)["duration"]
    note(page, 'He said "now",\tand =stopped')
    press(page, "[", "ArrowRight", "]")
    note(page, "=1+1")
    files = {}
    for form in ("JAMS", "CSV"):
        with page.expect_download() as saved:
            page.locator(".notes .exports").get_by_text(form).click()
        files[form] = tmp_path / saved.value.suggested_filename
        saved.value.save_as(files[form])
    loaded = jams.load(str(files["JAMS"]), strict=True)
    loaded.validate(strict=True)
    (annotation,) = loaded.search(namespace="tag_open")
    assert loaded.file_metadata.duration == duration
    assert {(one.time, one.duration, one.value) for one in annotation.data} == {
        (0, 0, 'He said "now",\tand =stopped'),
        (0, 5, "=1+1"),
    }
    with files["CSV"].open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["text"] for row in rows] == ['He said "now",\tand =stopped', "'=1+1"]

    before = [row["text"].removeprefix("'") for row in rows]
    for file in files.values():
        for _ in before:
            page.get_by_role("button", name=TEXT["listen.notes.delete"]).first.click()
        expect(notes(page)).to_have_count(0)
        page.set_input_files(".notes input[type=file]", file)
        expect(notes(page)).to_have_text(before)
        page.set_input_files(".notes input[type=file]", file)  # once more: they are there
        expect(page.locator(".notes [role=status]")).to_contain_text("2 were left out")
        expect(notes(page)).to_have_count(2)
    late = tmp_path / "late.csv"
    late.write_text(f"start,end,text\n{duration + 9},,too late\n1,,in time\n,,nowhere\n")
    page.set_input_files(".notes input[type=file]", late)
    expect(page.locator(".notes [role=status]")).to_contain_text("2 were left out")
    expect(notes(page)).to_have_count(3)
    late.write_text('{"annotations": 3}')
    page.set_input_files(".notes input[type=file]", late)
    expect(page.locator(".notes [role=status]")).to_have_text(TEXT["listen.notes.unread"])


@pytest.mark.parametrize("kept", ["{damaged", '{"a": 1}', '[{"start": 1}]', "null"])
def test_damaged_notes_are_put_aside(
    service: Service, opened: Opener, tmp_path: Path, kept: str
) -> None:
    page, _ = opened(service)
    file = copied("calm_evening.ogg", tmp_path)
    key = f"hevner.notes {file.name} {file.stat().st_size}"
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, kept])
    drop(page, file)
    expect(page.locator(".notes")).to_contain_text(TEXT["listen.notes.damaged"])
    note(page, "new")
    expect(notes(page)).to_have_text(["new"])
    found = page.evaluate(
        "(key) => [localStorage.getItem(key), localStorage.getItem(key + ' damaged')]", key
    )
    assert json.loads(found[0]) == [{"start": 0, "end": 0, "text": "new"}]
    assert json.loads(found[1]) == kept


def test_a_full_browser_says_so(service: Service, opened: Opener, tmp_path: Path) -> None:
    page = listen(service, opened, copied("calm_evening.ogg", tmp_path))
    page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('full'); }; }"
    )
    note(page, "new")
    expect(page.locator(".notes")).to_contain_text(TEXT["listen.notes.full"])
    expect(notes(page)).to_have_text(["new"])  # to be saved as a file


def test_ten_minutes_are_shown_with_few_elements(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    """Nothing grows with the piece but its pictures, and what it may hold of notes is limited."""
    rate = 8_000
    time = np.arange(MINUTES * 60 * rate) / rate
    pitch = 220 * 2 ** (np.array([0, 4, 7, 12, 9, 5])[(time * 2).astype(int) % 6] / 12)
    sound = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / rate) * (1 - (time * 2) % 1)
    file = write_wav(tmp_path / "ten.wav", (sound * 32_767).astype("<i2").tobytes(), rate)
    count = "document.querySelectorAll('*').length"
    page = listen(service, opened, copied("journey.ogg", tmp_path))
    page.click("[data-layer=spectrogram]")
    short = page.evaluate(count)
    page.set_input_files("#pick", file)
    expect(page.locator("h1")).to_have_text("ten")
    expect(page.locator("[data-layer=joy]")).to_be_visible(timeout=3000 * PATIENCE_S)
    page.wait_for_function(FILLED)  # evenly loud: all bars are alike
    drawn(page, ".spectrum")
    assert page.evaluate(count) <= short + 60
    press(page, *"++++++++++")
    assert part(page)[1] == pytest.approx(4 / (60 * MINUTES), rel=0.01)
    press(page, *["ArrowRight"] * 4)
    assert 0 <= playhead(page) <= 1
    many = "start,end,text\n" + "".join(f"{at / 4},,note {at}\n" for at in range(2000))
    table = tmp_path / "many.csv"
    table.write_text(many)
    page.set_input_files(".notes input[type=file]", table)
    expect(notes(page)).to_have_count(500)
    assert page.evaluate(count) < 6000


@pytest.mark.parametrize("width", [1440, 1280, 1024, 768, 390, 360])
def test_nothing_in_the_readout_collides(
    service: Service, opened: Opener, tmp_path: Path, width: int
) -> None:
    page, _ = opened(service, viewport={"width": width, "height": 900})

    def hard(route: Any) -> None:
        told = route.fetch().json()
        first = {"label": "N", "start": 0, "end": 30}
        told["chords"] = [first, {"label": "F#:min7", "start": 30, "end": told["duration"]}]
        route.fulfill(json=told)

    page.route("**/result", hard)
    page.route(
        "**/words",
        lambda route: route.fulfill(
            json={
                "words": [
                    {"word": "melancholically nostalgic", "valence": 0.4, "arousal": -0.3}
                    | {"group": "tag", "synonyms": []}
                ],
                "degrees": [],
            }
        ),
    )
    drop(page, copied("journey.ogg", tmp_path))
    expect(page.locator("[data-layer=joy]")).to_be_visible()
    expect(page.locator(".now .felt")).to_be_visible()
    wrong = page.evaluate(
        """() => {
            for (const one of document.querySelectorAll(".whole .unseen")) one.remove();
            const parts = [...document.querySelectorAll(".now > div, .ranges li > *, .bars li > *")]
                .filter((one) => one.checkVisibility());
            const boxes = parts.map((one) => {
                const range = document.createRange();
                range.selectNodeContents(one);
                return range.getBoundingClientRect();
            }).filter((box) => box.width && box.height);
            const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
                && a.top < b.bottom - 1 && b.top < a.bottom - 1;
            const over = boxes.filter((box) => box.right > innerWidth);
            const pairs = boxes.flatMap(
                (a, index) => boxes.slice(index + 1).filter((b) => meet(a, b)));
            return [over.length, pairs.length];
        }"""
    )
    assert wrong == [0, 0]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_waveform_stays_after_the_upload(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, _ = opened(service)
    page.evaluate(
        """() => {
            const fillText = CanvasRenderingContext2D.prototype.fillText;
            window.said = [];
            CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
                window.said.push(text);
                return fillText.call(this, text, ...rest);
            };
        }"""
    )
    drop(page, copied("journey.ogg", tmp_path))
    page.evaluate(  # without the last picture of a piece that was open before
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
            window.said = [];
            done();
        })))"""
    )
    expect(page.locator("[data-layer=joy]")).to_be_visible()
    drawn(page, ".wave")
    page.goto(f"{service.address}/#find")
    page.goto(f"{service.address}/#listen")
    expect(page.locator(LINE)).to_be_visible()
    drawn(page, ".wave")
    assert TEXT["wave.absent"] not in page.evaluate("window.said")


def test_a_result_that_comes_late_does_not_replace_what_was_chosen_since(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, _ = opened(service)
    drop(page, copied("journey.ogg", tmp_path))
    expect(page.locator(LINE)).to_be_visible()
    held: list[Any] = []

    def hold(route: Any) -> None:
        """Keep back the result of the piece that is shown first."""
        if held:
            route.continue_()
        held.append(route)

    page.route("**/result", hold)
    page.reload()
    expect(page.locator(".jobs .job.current")).to_have_count(0)
    page.wait_for_function("() => document.querySelectorAll('.job').length")
    wait_for(page, lambda: held)
    newer = copied("slow_lament.ogg", tmp_path)
    drop(page, newer)
    expect(page.locator("h1")).to_contain_text("slow lament")
    page.evaluate(
        """() => {
            window.titles = [];
            new MutationObserver(() => {
                window.titles.push(document.querySelector("h1")?.textContent);
            }).observe(document.querySelector("#main"), { subtree: true, childList: true });
        }"""
    )
    with page.expect_response(lambda answer: answer.request == held[0].request):
        held[0].continue_()
    expect(page.locator(LINE)).to_be_visible()
    assert all("slow lament" in title for title in page.evaluate("window.titles"))


def test_failures_are_dismissed_for_good(service: Service, opened: Opener, tmp_path: Path) -> None:
    page, _ = opened(service)
    bad = [tmp_path / f"{tmp_path.name} {name}.wav" for name in ("one", "two", "three")]
    for file in bad:
        file.write_bytes(b"RIFF no music")
        page.set_input_files("#pick", file)
    failed = page.locator(".job.failed")
    expect(failed).to_have_count(3)
    failed.first.locator(".name").click()
    page.locator(".piece").get_by_role("button", name=TEXT["listen.dismiss"]).click()
    expect(failed).to_have_count(2)
    expect(page.locator(".piece .callout.warning")).to_have_count(0)
    page.get_by_role("button", name=TEXT["listen.dismiss.all"]).click()
    expect(failed).to_have_count(0)
    page.wait_for_function(FORGOTTEN)
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(failed).to_have_count(0)


def test_a_moment_that_was_found_is_a_whole_piece_in_listen(
    service: Service, opened: Opener
) -> None:
    """What plays to the end of a moment elsewhere plays on where the piece is shown."""
    page, _ = opened(service, "/#find")
    page.evaluate(
        """async () => {
            const { player } = await import("./static/player.js");
            const api = await import("./static/api.js");
            const { openPiece } = await import("./static/jobs.js");
            const piece = (await api.pieces(20)).find((one) => one.name.includes("journey"));
            const address = () => api.audio(piece);
            const { id } = piece;
            await player.load([{ id, title: "journey", duration: 60, start: 3, end: 6, address }]);
            await openPiece(piece);
        }"""
    )
    expect(page.locator(LINE)).to_be_visible()
    box = page.locator(LINE).bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 150)
    if page.locator(".listen button").text_content() == TEXT["player.play"]:
        page.click(".listen button")
    page.wait_for_function(f"async () => await {SHOWN} > 31")
    expect(page.locator(".listen button")).to_have_text(TEXT["player.pause"])
    expect(page.locator(".bar .title")).to_have_text("journey")


def test_a_piece_of_the_catalogue_keeps_its_title(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.evaluate(
        """async () => {
            const api = await import("./static/api.js");
            const { openPiece } = await import("./static/jobs.js");
            const piece = (await api.pieces(20)).find((one) => one.name.includes("calm"));
            await openPiece({ ...piece, artist: "Björk", title: "Jóga / live" });
        }"""
    )
    expect(page.locator(LINE)).to_be_visible()
    for place in ("h1", ".job.current .name"):
        expect(page.locator(place)).to_have_text("Björk \u2013 Jóga / live")
    page.click(".listen button")
    expect(page.locator(".bar .title")).to_have_text("Björk \u2013 Jóga / live")


OPEN = """async (part) => {
    const api = await import("./static/api.js");
    const { openPiece } = await import("./static/jobs.js");
    await openPiece((await api.pieces(20)).find((one) => one.name.includes(part)));
}"""


def test_what_the_catalogue_knows_is_shown_while_the_file_is_analysed(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#find")
    held: list[Any] = []
    sent = "**/api/v1/analyses"
    page.route(sent, lambda route: held.append(route) if held == [] else route.continue_())
    page.evaluate(OPEN, "chase")
    known = page.evaluate(
        """async () => {
            const { pieces } = await import("./static/api.js");
            return (await pieces(20)).find((one) => one.name.includes("chase")).valence;
        }"""
    )
    expect(page.locator(LINE)).to_be_visible()
    expect(page.locator(".job.current")).to_contain_text(TEXT["job.sending"])
    shown = page.locator(".estimates .valence").text_content().replace("\u2212", "-")
    assert float(shown) == pytest.approx(known, abs=0.006)
    expect(page.locator(".why li").first).to_be_visible()
    drawings = page.locator(".heading .exports").get_by_text(re.compile("PNG|SVG"))
    for drawing in drawings.all():
        expect(drawing).to_be_disabled()
    expect(page.locator(".felt")).to_be_hidden()
    page.evaluate("document.querySelector('.timeline').same = true")
    held[0].continue_()
    expect(page.locator(".felt")).to_be_visible()
    for drawing in drawings.all():
        expect(drawing).to_be_enabled()
    assert page.evaluate("document.querySelector('.timeline').same")  # nothing is drawn anew


def test_a_piece_of_the_catalogue_is_there_again_after_a_reload(
    service: Service, opened: Opener
) -> None:
    page, watch = opened(service, "/#find")
    page.evaluate(OPEN, "dance")
    expect(page.locator(".felt")).to_be_visible()
    title, count = page.locator("h1").text_content(), page.locator(".job").count()
    sent = watch.accepted
    page.reload()
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator(".listen button")).to_be_visible()  # with its sound
    expect(page.locator(".job")).to_have_count(count)
    assert watch.accepted == sent


def test_an_address_of_a_job_that_is_gone_shows_another(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.evaluate(OPEN, "dance")
    expect(page.locator(".felt")).to_be_visible()
    page.goto(f"{service.address}/#listen/new-7")
    page.reload()
    expect(page.locator(LINE)).to_be_visible()


def test_curves_say_their_scale_and_times_are_clear_of_the_edges(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#find")
    page.evaluate(
        """() => {
            window.written = [];
            const write = CanvasRenderingContext2D.prototype.fillText;
            CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
                const half = this.measureText(text).width / 2;
                if (this.textAlign === "center") window.written.push([text, x - half]);
                else window.written.push([text, x]);
                return write.call(this, text, x, y);
            };
        }"""
    )
    page.evaluate(OPEN, "dance")
    page.wait_for_function("() => window.written.some(([text]) => text === '0:00')")
    written = page.evaluate("window.written")
    texts = {text for text, _ in written}
    assert {"pleasant +1", "unpleasant \u22121", "excited +1", "calm \u22121"} <= texts
    assert min(left for text, left in written if text == "0:00") >= 3
    shown = page.evaluate(
        """async () => {
            const { Curve } = await import("./static/curves.js");
            const curve = new Curve("emotions", 0);
            window.written = [];
            curve.draw(document.createElement("canvas").getContext("2d"), 300, 90);
            return window.written.map(([text]) => text);
        }"""
    )
    assert {"very 1", "not at all 0"} <= set(shown)
