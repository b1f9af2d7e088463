"""Tempo and beats by Essentia, as JSON; called by ``tempo.py`` with a Python that has it.

    python benchmarks/tempo_peer.py FILE...

One object: path -> tempo in beats per minute and times of beats in seconds, by RhythmExtractor2013
with its usual settings.
"""

from __future__ import annotations

import argparse
import json


def parse() -> argparse.Namespace:
    """What the command line says; answers ``--help`` where Essentia is not installed."""
    parser = argparse.ArgumentParser(description="Tempo and beats by Essentia.")
    parser.add_argument("files", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = essentia.log.warningActive = False
    found = {}
    for path in options.files:
        sound = es.MonoLoader(filename=path, sampleRate=44_100)()
        tempo, beats, *_ = es.RhythmExtractor2013(method="multifeature")(sound)
        found[path] = {"tempo": float(tempo), "beats": [float(time) for time in beats]}
    print(json.dumps(found))
