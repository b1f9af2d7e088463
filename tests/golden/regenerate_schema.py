"""Write `hevner/analysis.schema.json` anew from the types of results.

python -m tests.golden.regenerate_schema
"""

from __future__ import annotations

from pathlib import Path

import hevner
from hevner.output import json_schema

SCHEMA = Path(hevner.__file__).with_name("analysis.schema.json")

if __name__ == "__main__":
    SCHEMA.write_text(json_schema.text(), encoding="utf-8")
