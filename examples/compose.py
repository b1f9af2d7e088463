"""Five short original pieces, written out as MIDI files with their chords, keys and characters.

    python examples/compose.py

writes ``midi/*.mid`` and ``annotations.json`` next to this file. Key, tempo and chords are known
because the pieces are composed from them; times are in seconds from the start of the audio.
The notation is explained in ``notation.py``.
"""

from __future__ import annotations

import json
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any

from notation import Chord, Part, Piece, Section, write_midi

HERE = Path(__file__).resolve().parent


def bright_dance() -> Piece:
    """Compose a jig: two bars of guitar, then A A' B A''."""
    piece = Piece(
        "bright_dance",
        "Bright Dance",
        metre=(6, 8),
        sections=[Section(1, "dance", "G:maj", 120, 1, "bright, playful, dancing")],
        harmony="""
            G | C D |
            G | C | G | D | G | C | G D:7 | G |
            G | C | G | D | G | C | G D:7 | G |
            E:min | C | G | D | C | G | A:min | D:7 |
            G | C | G/3 | D | E:min | C | G D:7 | G""",
        tempo_marks={34.0: 112},
        tail_s=0.8,
    )
    tune = """
        D5:2 B4:1 G4 A4 B4 | C5:2 E5:1 E5:2 C5:1 | D5 C5 B4 G4 A4 B4 | A4:2 F#4:1 A4:3 |
        D5:2 B4:1 G4 A4 B4 | C5 D5 E5 G5:2 E5:1 | """
    close = "D5:1 B4 G4 A4 C5 F#4 | G4:3 ~:2 r:1"
    lift = "D5:1 E5 D5 C5 A4 F#4 | G4 B4 D5 G5:3"
    turn = """
        G5:2 F#5:1 E5:2 B4:1 | E5 F#5 G5 E5:2 C5:1 | D5:2 E5:1 D5 B4 G4 | A4 B4 C5 D5:3 |
        E5:2 E5:1 E5 F#5 G5 | D5 E5 D5 B4:2 G4:1 | C5 B4 A4 C5 D5 E5 | F#5:2 A5:1 F#5 E5 D5"""
    second = """
        B4:2 G4:1 D4 F#4 G4 | E4:2 G4:1 C5:2 G4:1 | B4 A4 G4 D4 F#4 G4 | F#4:2 D4:1 F#4:3 |
        G4:2 E4:1 E4 F#4 G4 | E4 F#4 G4 E5:2 C5:1 | B4 C5 B4 A4 F#4 D4 | B3 D4 G4 B4:3"""
    flute = piece.part("flute", pan=50, volume=108)
    flute.play(3, tune + close, 84)
    flute.play(11, tune + lift, 88)
    flute.play(19, turn, (86, 98))
    flute.play(27, tune + lift, 100)
    violin = piece.part("violin", pan=80, volume=84, length=0.88)
    violin.play(11, tune + lift, 78)
    violin.play(27, second, 88)
    accordion = piece.part("accordion", pan=92, volume=66)
    accordion.follow((11, 18), "0+1+2:3", "D4", 62)
    accordion.follow((19, 26), "r:1 0+1+2:1 0+1+2", "D4", (64, 76))
    accordion.follow((27, 34), "0+1+2:3", "D4", 74)
    guitar = piece.part("steel guitar", pan=38, volume=122)
    guitar.follow((1, 2), "b:2 1+2+3:1", "G2", (90, 98))
    guitar.follow((3, 33), "b:2 1+2+3:1", "G2", (88, 98))
    guitar.follow((34, 34), "b+1+2+3+4:6", "G2", 100)
    bass = piece.part("acoustic bass", volume=104)
    bass.follow((3, 10), "b:3", "E2", 82)
    bass.follow((11, 33), "b:2 b:1", "E2", (84, 94))
    bass.follow((34, 34), "b:6", "E2", 96)
    drums = piece.part("drums", volume=84)
    drums.repeat((3, 10), "tambourine:1 r tambourine >tambourine r tambourine", 50)
    pulse = "kick+tambourine:1 r tambourine clap+tambourine r tambourine"
    drums.repeat((11, 33), pulse, (62, 84))
    drums.play(34, "kick+tambourine:1 kick+tambourine kick+tambourine >kick+clap+tambourine:3", 88)
    return piece


def slow_lament() -> Piece:
    """Compose a lament over a falling bass for piano, cello and, later, violin over both."""
    piece = Piece(
        "slow_lament",
        "Slow Lament",
        metre=(3, 4),
        sections=[Section(1, "lament", "D:min", 60, 3, "sad, heavy, resigned")],
        harmony="""
            D:min | D:min | A/3 | D:min/b7 | G/3 | Bb | A:sus4*1 A*2 | D:min |
            G:min | E:hdim7/b3 | A:7 | D:min""",
        tempo_marks={8.0: 58, 9.0: 60, 11.0: 54, 11.67: 46},
        tail_s=1.5,
    )
    cello = piece.part("cello", pan=54, volume=102, breath=True, reverb=70, length=1.03)
    song = """
        A3:2 D4:1 | F4 E4:2 | D4:1.5 E4:.5 F4:1 | G4:1.5 F4:.5 D4:1 | F4 E4:.5 D4 Bb3:1 |
        D4 C#4:2 | D4:3"""
    cello.play(2, song, (72, 88))
    cello.play(9, "G3:3 | G3:2 Bb3:1 | A3:2 G3:1 | F3:1 D3:2", (80, 54))
    violin = piece.part("violin", pan=76, volume=92, breath=True, reverb=75, length=1.03)
    violin.play(8, "r:1 A4 D5 | D5 C5:.5 Bb4 G4:1 | Bb4:1.5 A4:.5 G4:1", (62, 82))
    violin.play(11, "F4:1 E4:.5 D4 C#4:1", 76)
    violin.play(12, "D4:3", 48)
    strings = piece.part("slow strings", volume=84, reverb=70)
    strings.follow((4, 8), "0+1+2:3", "A3", (58, 76))
    strings.follow((9, 11), "0+1+2:3", "A3", (80, 64))
    strings.follow((12, 12), "0+1+2:3", "A3", 54)
    piano = piece.part("piano", volume=112, reverb=60, length=1.4)
    piano.follow((1, 8), "b:.5 2 3 4 3 2", "G2", (72, 82))
    piano.follow((9, 11), "b:.5 2 3 4 3 2", "G2", (80, 62))
    piano.play(12, "D2+D3:1 A3 D4+F4", 56)
    contrabass = piece.part("contrabass", volume=92, breath=True, reverb=60)
    contrabass.play(3, "C#3:3 | C3 | B2 | Bb2 | A2 | D2", (60, 74))
    contrabass.play(9, "G2:3 | G2 | A2 | D2", (70, 46))
    return piece


def tense_chase() -> Piece:
    """Compose a pursuit: ostinato, brass calls, chromatic climb, calls an octave up, blows."""
    piece = Piece(
        "tense_chase",
        "Tense Chase",
        metre=(4, 4),
        sections=[Section(1, "chase", "C:min", 152, 2, "tense, urgent, threatening")],
        harmony="""
            C:min | C:min | C:min | C:min |
            C:min | C:min | Ab/3 | F#:dim7/b5 | F:min | F:min | Db | B:dim7 |
            C:min C#:dim7 | D:dim7 Eb:min | E:dim7 F:min | F#:dim7 G:7 |
            C:min | Ab/3 | Db | B:dim7 | C:min | C:min""",
        tail_s=1.0,
    )
    run = ">b:.5 b b >1 b b >2 1"
    cello = piece.part("strings", volume=104, pan=74, length=0.7, reverb=40)
    cello.follow((1, 4), run, "C3", (68, 84))
    cello.follow((5, 12), run, "C3", (84, 92))
    cello.follow((13, 16), ">b:.5 b b >1", "C3", (90, 108))
    cello.follow((17, 20), run, "C3", 108)
    piano = piece.part("piano", volume=88, pan=60, length=0.8, reverb=40)
    piano.follow((3, 12), run, "C2", (60, 84))
    piano.follow((13, 20), ">b:.5 b b >1", "C2", (84, 104))
    call = "C4:1.5 Eb4 Gb4:1 | F4:1.5 Eb4:.5 C4:2 | Eb4:1.5 Ab4 G4:1 | Gb4:3 r:1"
    answer = "F4:1.5 Ab4 B4:1 | C5:1.5 Ab4:.5 F4:2 | Ab4:1.5 Db5 C5:1 | B4:3 r:1"
    high = "C5:1.5 Eb5 Gb5:1 | Eb5:1.5 Ab5 G5:1 | F5:1.5 Ab5 Db5:1 | D5:1.5 F5 Ab5:1"
    horn = piece.part("horn", volume=108, pan=44, breath=True)
    horn.play(5, call, (80, 92))
    horn.play(9, answer, (86, 98))
    trombone = piece.part("trombone", volume=100, pan=84, length=0.85)
    trombone.follow((9, 12), "r:3 >0+1+2:.5 >0+1+2", "F3", (84, 96))
    trombone.follow((13, 16), ">0+1+2:1.5 0+1+2:.5", "F3", (84, 108))
    trombone.follow((17, 20), ">0+1+2:1.5 >0+1+2 >0+1+2:1", "F3", 104)
    trumpet = piece.part("trumpet", volume=98, pan=52)
    trumpet.play(17, high, (104, 112))
    tremolo = piece.part("tremolo strings", volume=84, reverb=60)
    tremolo.play(3, "G5+C5:4 | G5+Ab5", (44, 66))
    tremolo.follow((5, 12), "0+2+3:4", "C5", (58, 80))
    tremolo.follow((13, 16), "0+1+2:2", "G4", (80, 108))
    tremolo.follow((17, 20), "0+1+2:4", "G5", 104)
    bass = piece.part("contrabass", volume=108, length=0.8, reverb=30)
    bass.follow((5, 16), "b:1.5 b b:1", "C2", (84, 104))
    bass.follow((17, 20), "b:1.5 b b:1", "C2", 110)
    timpani = piece.part("timpani", volume=100, reverb=50)
    timpani.repeat((1, 3), "C3:.5 C3 r:3", (66, 84))
    timpani.play(4, "C3:.5 C3 r:1 C3:.5 C3 C3 C3", (84, 100))
    drums = piece.part("drums", volume=96, reverb=40)
    drums.repeat((5, 12), "kick:1.5 tom:1 tom:.5 >snare:1", (74, 92))
    drums.repeat((13, 15), "kick+snare:.5 snare snare >snare snare snare >snare snare", (64, 96))
    drums.play(16, " ".join(["snare:.25"] * 16), (76, 118))
    drums.play(17, "crash+kick:.5 tom tom >kick+snare tom tom >kick+snare hightom", 108)
    drums.repeat((18, 20), "kick:.5 tom tom >kick+snare tom tom >kick+snare hightom", (104, 110))
    final_blows(piece)
    return piece


def final_blows(piece: Piece) -> None:
    """Let every part of the chase strike the tonic together for two bars."""
    rhythm = ">{0}:.5 r:1 >{0}:.5 r:1 >{0}:.5 r:.5 | >{0}:2 r:2"
    chords = {
        "strings": "C3+G3+C4+Eb4", "piano": "C2+C3+G3", "horn": "C4+Eb4", "trumpet": "G5+C5",
        "trombone": "Eb3+G3+C4", "tremolo strings": "C5+Eb5+G5", "contrabass": "C2",
        "timpani": "C3", "drums": "kick+crash+snare",
    }  # fmt: skip
    for part in piece.parts:
        part.play(21, rhythm.format(chords[part.instrument]), 108)


def calm_evening() -> Piece:
    """Compose a quiet song without words for piano over guitar and pad, with a plagal close."""
    piece = Piece(
        "calm_evening",
        "Calm Evening",
        metre=(4, 4),
        sections=[Section(1, "song", "F:maj", 72, 4, "calm, tender, content")],
        harmony="""
            F | F | D:min7 | Bb:maj7 | C:sus4 C | F/3 | Bb | G:min7 C:7 | F | Bb/5 | F""",
        tempo_marks={10.0: 68, 10.5: 62, 11.0: 58},
        tail_s=1.8,
    )
    piano = piece.part("piano", volume=96, pan=58, reverb=70, length=1.1)
    first = "C5:1.5 A4:.5 G4:1 F4 | A4:2 C5:1 D5 | D5:1.5 C5:.5 A4:2 | G4:3 r:1"
    second = "C5:1.5 D5:.5 F5:1 C5 | D5:2 C5:1 Bb4 | A4 Bb4 G4 E4 | F4:3 r:1"
    piano.play(2, first, (56, 64))
    piano.play(6, second, (66, 54))
    piano.play(10, "F5:1.5 D5:.5 Bb4:2 | A4+C5+F5:4", (50, 40))
    guitar = piece.part("nylon guitar", volume=104, pan=42, reverb=60, length=1.3)
    guitar.follow((1, 9), "b:.5 3 4 5 4 5 4 3", "F2", (58, 66))
    guitar.follow((10, 10), "b:.5 3 4 5 4 5 4 3", "F2", (58, 48))
    guitar.play(11, "F2:.5 C3 F3 A3 C4:2", 42)
    pad = piece.part("warm pad", volume=70, reverb=80)
    pad.follow((2, 11), "0+1+2:4", "F3", (44, 48))
    clarinet = piece.part("clarinet", volume=70, pan=80, reverb=75, breath=True)
    clarinet.play(5, "F4:2 E4 | C4:4 | D4:2 F4 | F4 E4 | C4:4", (44, 56))
    bass = piece.part("acoustic bass", volume=84)
    bass.follow((2, 10), "b:4", "E2", 58)
    bass.play(11, "F2:4", 46)
    return piece


def journey() -> Piece:
    """Set a rising motif three times: at rest in D major, hunted in B minor, triumphant in D."""
    piece = Piece(
        "journey",
        "Journey",
        metre=(4, 4),
        sections=[
            Section(1, "calm", "D:maj", 82, 4, "calm, open, hopeful"),
            Section(8, "tense", "B:min", 144, 2, "tense, driven, dark"),
            Section(18, "triumphant", "D:maj", 120, 1, "triumphant, radiant"),
        ],
        harmony="""
            D | D | G | D/3 | E:min7 | A:sus4 A | F#:7 |
            B:min | B:min | G/3 | A#:dim7 | B:min | C | G | E:min/b3 | A:sus4 | A:7 |
            D | G | D/3 | E:min A | B:min | G D/3 | E:min7 A:7 | Bb | C | D | D""",
        tempo_marks={7.0: 76, 17.0: 138, 17.5: 124, 26.75: 106, 27.0: 114},
        tail_s=1.1,
    )
    strings = piece.part("strings", volume=92, pan=72, reverb=55)
    low = [
        piece.part("contrabass", volume=100, reverb=40),
        piece.part("timpani", volume=92, pan=70, reverb=60),
    ]
    horn = piece.part("horn", volume=108, pan=48, reverb=65, breath=True)
    journey_calm(piece, strings)
    journey_tense(piece, strings, low, horn)
    journey_triumph(piece, strings, low, horn)
    return piece


def journey_calm(piece: Piece, strings: Part) -> None:
    """Set harp and flute over soft strings; the last bar darkens."""
    harp = piece.part("harp", volume=124, pan=40, reverb=70, length=1.4)
    harp.follow((1, 6), "b:.5 2 3 4 5 4 3 2", "D3", (76, 84))
    flute = piece.part("flute", volume=104, pan=58, reverb=75, breath=True)
    flute.play(
        2,
        """A4:1 D5:1.5 E5:.5 F#5:1 | E5 D5:2 B4:1 | A4 D5:1.5 F#5:.5 A5:1 | G5:1.5 F#5:.5 E5:2 |
        D5:1 E5 C#5:2""",
        (70, 82),
    )
    clarinet = piece.part("clarinet", volume=92, pan=84, reverb=75)
    clarinet.play(7, "A#3:1 C#4:1.5 D4:.5 E4:1", (66, 78))
    strings.follow((2, 6), "0+1+2:4", "F#3", (56, 68))
    strings.follow((7, 7), "0+1+2:4", "F#3", 68)


def journey_tense(piece: Piece, strings: Part, low: list[Part], horn: Part) -> None:
    """Set an ostinato under the motif in the horn; the drums drive towards the dominant."""
    contrabass, timpani = low
    run = ">b:.5 b b >1 b b >2 1"
    pizzicato = piece.part("pizzicato", volume=108, pan=84, reverb=50)
    pizzicato.follow((8, 14), run, "B2", (74, 94))
    strings.follow((8, 16), run, "B2", (66, 98))
    strings.follow((17, 17), ">0+1+2+3:.5 0+1+2+3", "A3", (92, 108))
    contrabass.play(7, "F#2:4", 62)
    contrabass.follow((8, 17), "b:1.5 b b:1", "E2", (74, 102))
    timpani.play(7, "r:2 F#2:.25 F#2 F#2 F#2 F#2 F#2 F#2 F#2", (40, 76))
    timpani.play(8, "B2:.5 B2 r:3 | B2:.5 B2 r:3 | B2:.5 B2 r:3", 84)
    timpani.play(16, " ".join(["A2:.25"] * 16) + " | " + " ".join(["A2:.25"] * 16), (60, 112))
    horn.play(
        9,
        """F#3:1 B3:1.5 C#4:.5 D4:1 | D4 B3:2 G3:1 | A#3 C#4:1.5 E4:.5 G4:1 | F#4:3 r:1 |
        C4:1 E4:1.5 F#4:.5 G4:1 | B4:2 G4:1 B4 | E4 G4 B4:2 | A4:1 D5:2 E5:1 | C#5:2 E5""",
        (82, 106),
    )
    tremolo = piece.part("tremolo strings", volume=80, reverb=60)
    tremolo.follow((11, 16), "0+1+2:4", "E4", (58, 92))
    trombone = piece.part("trombone", volume=92, pan=80, reverb=50)
    trombone.follow((12, 15), "r:3 >0+1+2:.5 >0+1+2", "E3", (80, 96))
    trombone.follow((16, 17), "0+1+2:4", "E3", (80, 104))
    drums = piece.part("drums", volume=90, reverb=50)
    drums.repeat((10, 15), "kick:1.5 tom:1 tom:.5 >snare:1", (62, 92))
    drums.repeat((16, 17), " ".join(["snare:.25"] * 16), (44, 100))


def journey_triumph(piece: Piece, strings: Part, low: list[Part], horn: Part) -> None:
    """Give the motif to the trumpets over brass and strings; close through the flat side."""
    contrabass, timpani = low
    trombone, drums = piece.parts[-2:]
    trumpet = piece.part("trumpet", volume=108, pan=56, reverb=60)
    trumpet.play(
        18,
        """A4:1 D5:1.5 E5:.5 F#5:1 | G5:1.5 F#5:.5 D5:1 B4 | A4 D5:1.5 F#5:.5 A5:1 |
        G5:1.5 F#5:.5 E5:2 | F#5:1 B4:1.5 C#5:.5 D5:1 | B4 D5 A5:1.5 F#5:.5 | G5:1 E5 C#5 E5 |
        D5:1 F5:2 D5:1 | E5 G5:2 E5:1 | F#5 A5:1.5 A5:.5 A5:1 | A5:3 r:1""",
        (100, 110),
    )
    horn.play(
        18,
        """F#4:2 A4 | B4 G4 | A4 F#4 | G4 E4:1 A4 | B4:2 F#4 | G4 A4 | G4 E4 | F4:4 | G4 |
        A4:2 D4 | F#4:3 r:1""",
        (88, 98),
    )
    trombone.follow((18, 26), "0+1+2:2", "F#3", (88, 98))
    trombone.play(27, "F#3+A3+D4:1 F#3+A3+D4:1.5 F#3+A3+D4:.5 F#3+A3+D4:1 | F#3+A3+D4:3 r:1", 104)
    strings.follow((18, 26), "0+1+2+3:.5 0+1+2+3:.25 0+1+2+3", "D4", (86, 96))
    strings.play(27, "D4+F#4+A4+D5:4 | ~:3 r:1", 104)
    contrabass.follow((18, 28), "b:2 b:1 b", "D2", (92, 104))
    tuba = piece.part("tuba", volume=92, pan=76, reverb=50)
    tuba.follow((18, 27), "b:2", "D2", (86, 96))
    tuba.play(28, "D2:3 r:1", 100)
    timpani.play(18, "D3:1 r:2 A2:1 | r:4 | D3:1 r:2 A2:.5 A2 | r:4", 100)
    timpani.play(27, "D3:1 D3:1.5 A2:.5 D3:1 | >D3:1 r:3", (100, 108))
    march = "kick:.5 snare:.25 snare kick+snare:.5 snare kick snare:.25 snare >kick+snare:.5 snare"
    drums.play(18, f"crash+{march}", 92)
    drums.repeat((19, 26), march, (82, 96))
    drums.play(25, "crash:4 | crash", 92)
    drums.play(27, "crash+kick:1 kick+snare:1.5 snare:.5 kick+snare:1 | >crash+kick:4", 106)


PIECES = (bright_dance, slow_lament, tense_chase, calm_evening, journey)


def annotation(piece: Piece) -> dict[str, Any]:
    """Tell what is known about `piece`: times in seconds, chords in mir_eval syntax."""
    chords = changes(piece)
    chord_s = [piece.seconds(chord.start) for chord in chords] + [piece.duration_s]
    section_s = [piece.seconds((section.bar - 1) * piece.metre[0]) for section in piece.sections]
    section_s.append(piece.duration_s)
    return {
        "title": piece.title,
        "midi": f"midi/{piece.name}.mid",
        "audio": f"audio/{piece.name}.ogg",
        "duration_s": round(piece.duration_s, 3),
        "metre": f"{piece.metre[0]}/{piece.metre[1]}",
        "sections": [
            {
                "start_s": round(start, 3),
                "end_s": round(end, 3),
                "name": section.name,
                "key": section.key,
                "tempo_bpm": section.tempo_bpm,
                "quadrant": section.quadrant,
                "character": section.character,
            }
            for section, (start, end) in zip(piece.sections, pairwise(section_s), strict=True)
        ],
        "chords": [
            [round(start, 3), round(end, 3), chord.label]
            for chord, (start, end) in zip(chords, pairwise(chord_s), strict=True)
        ],
    }


def changes(piece: Piece) -> list[Chord]:
    """List the chords of `piece` without those that merely repeat the one before."""
    return [next(same) for _, same in groupby(piece.chords, attrgetter("label"))]


def render_json(annotations: dict[str, Any]) -> str:
    """JSON with one chord to a line."""
    text = json.dumps(annotations, indent=2)
    for piece in annotations.values():
        for chord in piece["chords"]:
            spread = json.dumps(chord, indent=2).replace("\n", "\n" + " " * 6)
            text = text.replace(spread, json.dumps(chord), 1)
    return text + "\n"


def compose(folder: Path) -> None:
    """Write the MIDI files and the annotations of all pieces under `folder`."""
    (folder / "midi").mkdir(parents=True, exist_ok=True)
    pieces = [piece() for piece in PIECES]
    for piece in pieces:
        write_midi(piece, folder / "midi" / f"{piece.name}.mid")
    annotations = {piece.name: annotation(piece) for piece in pieces}
    (folder / "annotations.json").write_text(render_json(annotations), encoding="utf-8")


if __name__ == "__main__":
    compose(HERE)
