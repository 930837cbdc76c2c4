"""Where settings come from, and what is made of them. This room knows no HTTP and no rows."""

from .settings import SYSTEM_TRUST, Settings, load_settings
from .spellings import hidden, hidden_pointers

__all__ = ["SYSTEM_TRUST", "Settings", "hidden", "hidden_pointers", "load_settings"]
