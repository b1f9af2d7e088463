"""Metrics, one module per kind of prediction, and their statistics.

========================  ==============================================================
``regression``            predicted valence or arousal against ratings
``tags``                  scores of tags against tags
``retrieval``             ranks of the right items
``statistics``            intervals, tests and seeds
``report``                tables of scores
========================  ==============================================================

Conventions
-----------
Metrics take arrays and return a float; none has state. Inputs that are empty, differ in shape or
hold NaN or infinity raise `hevner.errors.DataError`: a missing label is a mask, so the caller drops
its rows first. A NaN *result* means that the score is not defined for these labels; each module
documents when.
"""
