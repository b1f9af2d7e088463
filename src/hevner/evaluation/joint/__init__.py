"""Measuring spaces that hold both music and emotion.

==============  ====================================================================================
``scoring``     distances between musics and emotions, and baselines
``circumplex``  emotion words of points
``analysis``    what kind of music is found first
``degrees``     shades inside a category
==============  ====================================================================================
"""
