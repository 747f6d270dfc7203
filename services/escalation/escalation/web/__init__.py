"""The pages of escalation; each area has its routes here and its templates beside them."""

from pathlib import Path
from typing import Final

TEMPLATES: Final = Path(__file__).parent / "templates"
