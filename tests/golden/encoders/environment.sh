#!/bin/sh
# Makes the environment in which make_jukebox.py runs: the last release of transformers that has
# Jukebox. Usage: environment.sh FOLDER [PYTHON]
set -eu
"${2:-python3}" -m venv "$1"
"$1/bin/python" -m pip install --quiet torch==2.13.0
"$1/bin/python" -m pip install --quiet transformers==4.57.6 "numpy>=2,<3"
