"""What domains there are."""

import json
from pathlib import Path

ROOT = Path(__file__).parent


def index():
    """The exported domains: name, folder, the tools offered, how many tools and tasks."""
    return json.loads((ROOT / "domains.json").read_text(encoding="utf-8"))["domains"]
