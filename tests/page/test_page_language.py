"""The page in two languages: the same texts; words, keys and numbers as the language has them."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest

from hevner.catalog.search import why_nothing
from hevner.emotion import BASIC, GEMS, SOUNDS_LIKE
from hevner.model import registry
from hevner.model.sound_kind import KINDS
from hevner.music.chord_labels import FLAT_NAMES, SHARP_NAMES
from hevner.result import MODES
from hevner.serve.problems import STATUS
from hevner.words import DEGREES, WORDS
from hevner.words.headline import NEAR_NEUTRAL, SIDES
from tests.page.pages import AUDIO, STATIC, TEXT, Opener, Service, drop, expect, searching

TRANSLATIONS = {
    path.name.split(".")[1]: json.loads(path.read_text("utf-8"))
    for path in STATIC.glob("strings.*.json")
    if path.name != "strings.en.json"
}
PLURALS = {"en": {"one", "other"}, "de": {"one", "other"}}
"""Categories of the CLDR; a language with others is added here."""

DOUBT = "this does not sound like music"
EXPLAINED = STATIC.parents[1] / "pretrained" / "unified.explanation.json"
RATED: list[str] = json.loads(EXPLAINED.read_text("utf-8"))["kinds"]
"""Kinds of music that explanations name."""

VOCABULARY = {
    *(f"lexicon.{word.name}" for word in WORDS),
    *(f"degree.{degree.name}" for degree in DEGREES if degree.name),
    *(f"headline.{side}" for *_, side in SIDES),
    f"headline.{NEAR_NEUTRAL}",
    f"headline.{DOUBT}",
    *(f"headline.{DOUBT}: {kind}" for name, kind in KINDS.items() if name != "music"),
    *(f"mood.{name}" for name in GEMS),
    *(f"emotion.{name}" for name in BASIC),
    *(f"kind.{name}" for name in SOUNDS_LIKE),
    *(f"mode.{name}" for name in MODES),
    *(f"key.{t} {third}" for t in {*SHARP_NAMES, *FLAT_NAMES} for third in ("major", "minor")),
    *(f"problem.{stage}" for stage in STATUS),
    *(f"like.{kind}" for kind in RATED),
}
"""What the service says in English words, for which every translation has its own."""

FREE = re.compile(r"root\.[A-G]b?|(problem|remedy)\.\w+|predicts\..+|key\.[A-G][#b]? (major|minor)")
"""Further names that a translation may have and English need not."""


def parts(text: Any) -> list[set[str]]:
    forms = text.values() if isinstance(text, dict) else [text]
    return [set(re.findall(r"\{(\w+)\}", form)) for form in forms]


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_has_the_same_texts(language: str) -> None:
    texts = TRANSLATIONS[language]
    assert set(TEXT) - set(texts) == set()
    more = set(texts) - set(TEXT) - VOCABULARY
    assert {name for name in more if not FREE.fullmatch(name)} == set()
    assert VOCABULARY - set(texts) == set()
    for name, text in TEXT.items():
        assert parts(texts[name])[0] == parts(text)[0], name
        assert isinstance(texts[name], dict) == isinstance(text, dict), name


@pytest.mark.parametrize("language", PLURALS)
def test_plurals_are_those_of_the_language(language: str) -> None:
    texts = TRANSLATIONS.get(language, TEXT)
    for name, text in texts.items():
        if isinstance(text, dict):
            assert set(text) == PLURALS[language], name
            assert len({frozenset({*one, "count"}) for one in parts(text)}) == 1, name


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_no_two_words_are_translated_alike(language: str) -> None:
    # What is typed is translated back.
    words = [
        text.lower() for name, text in TRANSLATIONS[language].items() if name.startswith("lexicon.")
    ]
    assert len(set(words)) == len(words)
    degrees = [TRANSLATIONS[language][f"degree.{one.name}"] for one in DEGREES if one.name]
    assert not [word for word in words for degree in degrees if word.startswith(f"{degree} ")]


def test_every_language_is_offered() -> None:
    (listed,) = re.findall(r"const LANGUAGES = \{(.+?)\};", (STATIC / "strings.js").read_text())
    assert set(re.findall(r"(\w+):", listed)) == {"en", *TRANSLATIONS} == set(PLURALS)


def test_german_quotes_and_dashes_are_typographic() -> None:
    text = json.dumps(list(TRANSLATIONS["de"].values()), ensure_ascii=False)
    assert '\\"' not in text
    assert text.count("„") == text.count("“")
    assert "..." not in text


def test_a_language_is_chosen_and_kept(service: Service, opened: Opener) -> None:
    german = TRANSLATIONS["de"]
    page, _ = opened(service, "/#find", may_fail=True)
    page.select_option("#tools select", "de")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator(".facts")).to_have_text("5 Stücke")
    expect(page).to_have_title(f"{german['view.find']} · hevner")
    with searching(page, words=["very sad", "summer", "tense"]):
        page.fill("#words-words", "sehr traurig, sommer, tense")
        page.press("#words-words", "Enter")
    expect(page.locator("[data-chip=Sommer]")).to_be_visible()
    expect(page.locator(".hit .aside").first).to_contain_text("-Moll")
    with searching(page, words=["extremely sad", "summer", "tense"]):  # from much to more
        page.click("[data-chip=traurig]")
    with page.expect_request("**/playlist") as asked:
        page.click(".playlist-form button")
    assert json.loads(asked.value.post_data)["to"] == "very calm"
    page.reload()
    expect(page.locator("#views a").first).to_have_text(german["view.listen"])


def test_the_language_of_the_browser_is_the_first_choice(service: Service, opened: Opener) -> None:
    for locale, language in (("de-AT", "de"), ("fr-FR", "en")):
        page, _ = opened(service, locale=locale)
        expect(page.locator("html")).to_have_attribute("lang", language)


def test_a_piece_in_german(service: Service, opened: Opener) -> None:
    page, _ = opened(service, locale="de-DE")
    headlines = iter(
        [
            *("very sad, gloomy", "perhaps calm, content"),
            *("between sad and calm, unsure (low energy)", NEAR_NEUTRAL),
        ]
    )

    def told(route: Any) -> None:
        route.fulfill(
            json=route.fetch().json()
            | {"headline": next(headlines), "key": "Bb minor", "mode": "dorian"}
        )

    page.route("**/result", told)
    shown = []
    for _ in range(4):
        drop(page, AUDIO / "calm_evening.ogg")
        lead = page.locator(".heading .lead")
        expect(lead).to_contain_text("b-Moll (dorisch)")
        shown.append(lead.locator("strong").text_content())
        expect(page.locator(".estimates .valence")).to_have_text(re.compile(r"[+\u2212]\d,\d\d"))
        page.reload()
        page.wait_for_selector("nav a[aria-current]")
    assert shown == [
        "sehr traurig, düster",
        "vielleicht ruhig, zufrieden",
        "zwischen traurig und ruhig, unsicher (wenig Energie)",
        "nahe neutral, unsicher",
    ]
    page.unroute_all(behavior="ignoreErrors")


def test_english_headlines_are_those_of_the_service(service: Service, opened: Opener) -> None:
    page, _ = opened(service)
    for said in (
        *("happy, excited", "very tense, angry", "perhaps calm, content", NEAR_NEUTRAL),
        *("between sad and calm, unsure (low energy)", f"{DOUBT}: speech"),
    ):
        shown = page.evaluate(
            "async (said) => (await import('./static/vocabulary.js')).headline(said)", said
        )
        assert shown == said


def test_a_word_that_may_be_meant_is_german_too(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find", may_fail=True, locale="de")
    page.fill("#words-words", "hapy")
    page.press("#words-words", "Enter")
    german = TRANSLATIONS["de"]
    callout = page.locator(".status .callout")
    expect(callout.locator("strong")).to_have_text(german["find.unknown"].format(word="hapy"))
    callout.get_by_role("button", name=german["lexicon.happy"], exact=True).click()
    expect(page.locator(".hit").first).to_be_visible()


def test_german_is_no_wider_than_a_telephone(service: Service, opened: Opener) -> None:
    page, _ = opened(service, locale="de", viewport={"width": 360, "height": 740})
    for view in page.locator("#views a").all():
        view.click()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view.text_content()
        box = view.bounding_box()
        assert box["x"] >= 0, view.text_content()
        assert box["x"] + box["width"] <= 360, view.text_content()


def test_german_addresses_nobody() -> None:
    text = json.dumps(list(TRANSLATIONS["de"].values()), ensure_ascii=False)
    assert re.findall(r"\b(?:[Dd]u|[Dd]ein\w*|[Dd]ich|[Dd]ir|Ihr\w* Antwort\w*)\b", text) == []


def said(language: str, call: str, page: Any, *given: Any) -> Any:
    """What a function of ``vocabulary.js`` gives for some arguments."""
    expect(page.locator("html")).to_have_attribute("lang", language)
    return page.evaluate(
        f"async (given) => (await import('./static/vocabulary.js')).{call}(...given)", list(given)
    )


def test_why_a_search_found_nothing_is_said_by_the_page(service: Service, opened: Opener) -> None:
    sentences = re.findall(r'return f?"(.+)"\n', inspect.getsource(why_nothing))
    assert len(sentences) == 9
    for language in ("en", *TRANSLATIONS):
        page, _ = opened(service, "/#find", locale=language, may_fail=True)
        given = [said(language, "nothing", page, sentence) for sentence in sentences]
        assert None not in given
        assert len(set(given)) == len(sentences)
        assert said(language, "nothing", page, "Something else.") is None
    page.evaluate("localStorage.clear()")
    page.click(".filters summary")
    page.fill("#filter-tempo_max", "1")
    page.press("#filter-tempo_max", "Tab")
    page.fill("#words-words", "sehr ruhig")
    page.press("#words-words", "Enter")
    status = page.locator(".question > .status")
    expect(status).to_have_text(TRANSLATIONS["de"]["find.nothing.filter"])
    expect(status.locator("[lang]")).to_have_count(0)


def test_a_misspelt_german_word_is_corrected(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find", may_fail=True, locale="de")
    german = TRANSLATIONS["de"]
    page.fill("#words-words", "sehr fröhlch")
    page.press("#words-words", "Enter")
    offered = page.locator(".mend .tag button")
    expect(offered.first).to_have_text(german["lexicon.happy"])
    lexicon = {text for name, text in german.items() if name.startswith("lexicon.")}
    assert set(offered.all_text_contents()) <= {*lexicon, german["find.without"]}
    with searching(page, words=["very happy"]):
        offered.first.click()


def test_what_a_piece_is_most_like_is_german(service: Service, opened: Opener) -> None:
    page, _ = opened(service, locale="de")
    german = [TRANSLATIONS["de"][f"like.{kind}"] for kind in RATED]
    assert [said("de", "similar", page, kind) for kind in RATED] == german
    assert said("de", "similar", page, "another kind of music") is None
    english, _ = opened(service)
    assert said("en", "similar", english, RATED[0]) == RATED[0]


def test_model_cards_are_marked_as_english(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#understand", locale="de")
    expect(page.locator(".card-text[lang=en] h3").first).to_be_visible()
    expect(page.get_by_text(TRANSLATIONS["de"]["card.english"])).to_be_visible()
    assert page.locator("dl.facts [lang=en]").count() == 2  # names of datasets, and a licence
    expect(page.locator("dl.facts dd").first).to_contain_text("Valenz, Aktivierung · Spannung")
    english = page.get_by_text("tag auc", exact=False)
    assert english.count() == page.locator("td [lang=en]", has_text="tag auc").count() > 0
    page, _ = opened(service, "/#understand")
    expect(page.locator(".card-text[lang=en] h3").first).to_be_visible()
    expect(page.get_by_text(TEXT["card.english"])).to_have_count(0)


def test_figures_of_raters_are_german(service: Service, opened: Opener) -> None:
    page, _ = opened(service, locale="de")
    figure = {"low": -0.25, "high": 0.5, "n": 4, "groups": 4, "raters": 2}
    rows = [
        {"label": "valence", "measure": "split-half", "value": 0.5, **figure},
        {"label": "all ratings", "measure": "agreement of Ann", "value": -0.5, **figure},
    ]
    page.route(
        "**/ratings",
        lambda route: route.fulfill(
            json={
                "study": "x", "raters": [{"rater": "Ann", "rated": 4, "skipped": 0}], "pieces": 4,
                "agreement": rows, "export": "ratings/export", "commands": [],
            }
        ),
    )  # fmt: skip
    page.evaluate("location.hash = '#rate/results'")
    cells = page.locator(".rate-results table").nth(1).locator("tbody td")
    expect(cells).to_have_count(10)
    assert cells.all_text_contents() == [
        *("Wie angenehm", "Testhalbierung", "0,50", "\u22120,25 bis 0,50", "4"),
        *(
            "Alle Bewertungen",
            "Übereinstimmung von Ann",
            "\u22120,50 (keine)",
            "\u22120,25 bis 0,50",
            "4",
        ),
    ]


def test_what_a_model_predicts_and_common_errors_are_german(
    service: Service, opened: Opener
) -> None:
    german = TRANSLATIONS["de"]
    predicted = {one for entry in registry.shipped() for one in entry.predicts}
    assert {f"predicts.{one}" for one in predicted} <= set(german)
    page, _ = opened(service, locale="de")
    shown = page.evaluate(
        """async () => {
            const { trouble } = await import("./static/trouble.js");
            const gone = { kind: "gone", message: "the file is gone", remedy: "Index it again" };
            const other = { kind: "decode", message: "the file is empty", remedy: "Copy it again" };
            return [gone, other].map((one) => {
                const parts = [...trouble(one).querySelectorAll("p")];
                return parts.map((part) => [part.lang, part.textContent]);
            });
        }"""
    )
    assert shown == [
        [["", german["problem.gone"]], ["", german["remedy.gone"]]],
        [["", german["problem.decode"]], ["en", "the file is empty"], ["en", "Copy it again"]],
    ]


def test_a_control_is_called_by_its_name() -> None:
    for text in (TEXT, TRANSLATIONS["de"]):
        assert text["tool.path"] in text["playlist.draw"]
