"""Which states of an encoder know valence and arousal, and what choosing among them is worth.

Conventions
-----------
Vectors hold all states side by side. In grouped folds, each state by itself is heard by a ridge
regression (`ridge`), and so are

==================  ==============================================================================
``all states``      side by side, each with the same total variance
``mean of states``  their mean, number by number, in standard units: what a mix has to beat
``learned mix``     their mean with learned weights (`hevner.lab.probe.mix`)
``chosen inside``   for each fold, the state that predicts the training part best: what the choice
                    of a state is worth, where the best one of a table has been chosen by its score
==================  ==============================================================================

States of different widths have no mean and no mix. Penalties, choice and weights come from the
training part of each fold alone. `study` fits, `scores` makes the table, `figure` draws it.
"""

from __future__ import annotations

from hevner.lab.probe.scores import COLUMNS, Row, score
from hevner.lab.probe.study import Outcome, Probe, plan, run, survey
from hevner.lab.study import Layout, Material

__all__ = [
    "COLUMNS", "Layout", "Material", "Outcome", "Probe", "Row", "plan", "run", "score", "survey",
]  # fmt: skip
