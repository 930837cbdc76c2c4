"""The one check of a token's text, wherever it comes from: an argument, a file, a function, an exchange.

What passes can be sent in a header. What doesn't is described, never shown.
"""

from __future__ import annotations

import re

from .secret import Secret

MAX_TOKEN_BYTES = 64_000
"""The service's tokens are far shorter; servers refuse headers of this size."""

_PRINTABLE = re.compile(rb"[!-~]+")
_OTHER_TEXTS = ((b"<", "a page of HTML, as proxies and sign-in pages send it"), (b'{["', "JSON"))


def unusable(token: Secret) -> str | None:
    """Return what is wrong with a token, as words that follow "the token"; None for one that can be sent.

    White space around it doesn't matter.

    >>> unusable(Secret("ey.J0.k\\n")), unusable(Secret("<html>"))
    (None, 'is a page of HTML, as proxies and sign-in pages send it')
    """
    text = token.as_bytes().strip()
    if not text:
        return "is empty"
    for begins, what in _OTHER_TEXTS:
        if text[0] in begins:
            return f"is {what}"
    if len(text) > MAX_TOKEN_BYTES:
        return f"is longer than {MAX_TOKEN_BYTES:,} bytes"
    return None if _PRINTABLE.fullmatch(text) else "has characters that tokens can't have"
