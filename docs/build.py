"""Build the documentation as a site that needs no network: ``build/site``.

    python docs/build.py

The pages are the Markdown files of this repository, where they are and with their links, so that
what is read here is what is read there. Links and anchors that lead nowhere end the build.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOWN = (
    "*.md", "docs/**/*.md", "docs/images/*", "benchmarks/README.md", "benchmarks/*.py",
    "benchmarks/results/*", "papers/**/*", "examples/*.ipynb", "examples/audiomuse_hevner/*",
    "src/hevner/pretrained/*.md", "LICENSE",
)  # fmt: skip
"""Pages, and files that pages link to."""


def pages() -> list[Path]:
    """All files of the site, relative to the root."""
    found = {path for pattern in SHOWN for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path.relative_to(ROOT) for path in found)


def build(target: Path) -> None:
    """Write the site into a folder; ends the program where there are warnings."""
    shutil.rmtree(target, ignore_errors=True)
    for page in pages():
        (target / "pages" / page).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / page, target / "pages" / page)
    settings = (ROOT / "docs" / "mkdocs.yml").read_text("utf-8")
    folders = f"docs_dir: pages\nsite_dir: site\n{settings.replace('[src]', f'[{ROOT}/src]')}"
    (target / "mkdocs.yml").write_text(folders, "utf-8")
    zensical = (sys.executable, "-m", "zensical", "build", "--strict", "--config-file")
    if subprocess.run([*zensical, str(target / "mkdocs.yml")], check=False).returncode:
        raise SystemExit("The site was not built: mend what is named above.")


if __name__ == "__main__":
    build(ROOT / "build" / "site")
    print("The site is in build/site/site; begin with index.html.")
