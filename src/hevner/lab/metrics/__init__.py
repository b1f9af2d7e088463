"""Scores, one module per kind of answer; each has ``validate``, its metrics and ``evaluate``.

========================  ==============================================================
``regression``            valence or arousal against ratings
``distribution``          how far two sets of ratings lie apart
``tags``                  tag scores against tags
``retrieval``             ranked items, with the level of chance
``calibration``           intervals and probabilities that keep their word
========================  ==============================================================

Conventions
-----------
Metrics take arrays and give a float; none has state. Inputs that are empty, of different shapes or
hold NaN or infinity raise `hevner.errors.DataError`: a missing label is a mask, so the caller drops
its rows first. A NaN *result* means that the score is not defined for these labels; each module
says when.
"""
