"""Text that is never shown: it prints as stars and is neither copied nor pickled.

Whatever in this package holds a key, a passphrase or a given token holds it as a `Secret`, from the first
line that sees it: then no repr, no log record, no traceback with local variables, no debugger view and no
task graph has the text.
"""

from __future__ import annotations

from typing import NoReturn, overload

MASK = "***"


class Secret:
    """Keeps a text secret.

    Args:
        value: the text; bytes stay as they are (a DER key), str is kept as UTF-8.

    >>> secret = Secret("open sesame")
    >>> secret, f"{secret}", secret.as_text()
    (***, '***', 'open sesame')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | bytes) -> None:
        # Neither branch can fail: an encoding error would hold the text it failed on.
        self._value = value.encode(errors="surrogatepass") if isinstance(value, str) else value

    def __repr__(self) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a secret is not copied or pickled; name a file (private_key_file=, token_file_path=) "
            "and load it where it is needed"
        )

    def __bool__(self) -> bool:
        return bool(self._value.strip())

    def as_text(self) -> str:
        """Return the text; keep it out of the local variables of functions that can raise."""
        return self._value.decode(errors="replace")

    def as_bytes(self) -> bytes:
        """Return the text as bytes; keep it out of the local variables of functions that can raise."""
        return self._value


@overload
def hide(value: None) -> None: ...
@overload
def hide(value: str | bytes | Secret) -> Secret: ...
def hide(value: str | bytes | Secret | None) -> Secret | None:
    """Return the value as a `Secret`; None and a `Secret` are returned unchanged."""
    return value if value is None or isinstance(value, Secret) else Secret(value)
