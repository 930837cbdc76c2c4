"""Where settings come from, and what they make. This room knows no HTTP and no rows."""

from .settings import Settings, load_settings
from .spellings import hidden

__all__ = ["Settings", "hidden", "load_settings"]
