"""Emotion, tempo and key in the tags of audio files, where players read them.

Modules import each other in one direction only, from bottom to top: ``values`` says what an
analysis gives each field; ``containers`` reads and writes the fields in each kind of file;
``difference`` and ``journal`` see to it that nothing is lost; ``writing`` does it.
"""
