"""Build the archives of a release, and check that anybody who builds them gets the same bytes.

    python -m build_hook.release dist

Source archive and wheel are built twice: from this tree, and from the unpacked source archive, in
another folder without a checkout, with other file modes, time zone and hash seed. Set
``SOURCE_DATE_EPOCH`` to put another time into both. The second build fetches the weights anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from build_hook.weights import ENCODERS

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 12 * 10**6
"""Bytes that a wheel may have."""

OTHERWISE = {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "1"}


def build(tree: Path, out: Path, environment: dict[str, str] | None = None) -> dict[str, Path]:
    """Build source archive and wheel of a tree into an empty folder; return them by ending."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(command, cwd=tree, env=os.environ | (environment or {}), check=True)
    return {path.suffix: path for path in out.iterdir()}


def problems(out: Path, weights: Path | None = None) -> list[str]:
    """Build both archives into an empty folder; return what is wrong with them.

    Parameters
    ----------
    out
        The folder.
    weights
        Folder of converted weights for the second build, which fetches them otherwise.
    """
    first = build(ROOT, out)
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(first[".gz"]) as archive:
            archive.extractall(scratch, filter="data")
        (tree,) = Path(scratch).iterdir()
        for path in tree.rglob("*"):
            path.chmod(path.stat().st_mode & 0o700)
        if weights is not None:
            shutil.copytree(weights, tree / ENCODERS / weights.name)
        second = build(tree, Path(scratch) / "again", OTHERWISE)
        for ending, path in sorted(first.items(), reverse=True):
            if path.read_bytes() != second[ending].read_bytes():
                found.append(f"{path.name} built again has other bytes")
    size = first[".whl"].stat().st_size
    if size > LARGEST:
        found.append(f"the wheel has {size:,} bytes, more than {LARGEST:,}")
    return found


def main() -> None:
    """Write the archives of a release; exit with 1 if they may not be released."""
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    found = problems(out.resolve())
    for path in sorted(out.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        sys.stdout.write(f"{digest}  {path.name}  {path.stat().st_size:,} bytes\n")
    if found:
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
