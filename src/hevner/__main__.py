"""Run the command line as ``python -m hevner``."""

from hevner.cli import main

main()
