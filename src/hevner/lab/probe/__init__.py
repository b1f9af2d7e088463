"""Scores of each state of an encoder, and the gain from choosing or mixing states.

Conventions
-----------
Vectors hold all states side by side. In grouped folds, a ridge regression is fitted to
each state by itself, and to

==================  ==============================================================================
``all states``      all side by side, each with the same total variance
``mean of states``  their mean, number by number, in standard units: what a mix has to beat
``learned mix``     their mean with learned weights (`hevner.lab.probe.mix`)
``chosen inside``   for each fold, the state that predicts the training part best: an honest score
                    of choosing a state, where the best one of a table was chosen by its score
==================  ==============================================================================

States of different widths have no mean and no mix. Penalties, choice and weights come from the
training part of each fold alone. `states` names what is probed, `study` fits, `scores` makes the
table, `figure` draws it.
"""
