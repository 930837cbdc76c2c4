"""The one place where exceptions of the HTTP libraries become ours."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass

import requests
import urllib3

from .bounds import TooLongError, UndecodableError
from .policy import Timeouts

_MOST_WRAPPINGS = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """A try without an answer.

    `final` where another one would end in the same way; not `sent` where it is certain that nothing was sent.
    """

    message: str
    final: bool = False
    sent: bool = True


def translate(exc: Exception, url: str, timeouts: Timeouts) -> Failure:
    """Say what went wrong, and whether anything of the request can have been sent."""
    message, final = _described(exc, host_of(url), timeouts)
    return Failure(message, final, sent=not _cause_of(exc, _BEFORE_SENDING))


def _described(exc: Exception, host: str, timeouts: Timeouts) -> tuple[str, bool]:
    """Say what went wrong, most specific first, and whether it would go wrong again.

    Their texts are not quoted: they may hold a header, or a proxy's password.
    """
    if _cause_of(exc, ssl.SSLCertVerificationError):
        text = f"the certificate of {host} could not be verified; if a proxy or a local account signs it, "
        return f"{text}name its certificate with ca_file=", True
    if _cause_of(exc, TooLongError):
        return f"{host} sent an answer without an end", False
    if type(exc) is OSError:  # requests raises it for no other reason
        text = "the certificates named by REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE can't be read; check that path"
        return text, True
    for kinds, text, final in _TRANSLATIONS:
        if _cause_of(exc, kinds):
            facts = {"connect_s": timeouts.connect_s, "read_s": timeouts.read_s, "cause": _cause(exc)}
            return text.format(host=host, **facts), final
    return f"the request to {host} could not be made ({type(exc).__name__})", True


_BEFORE_SENDING = (
    ssl.SSLCertVerificationError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.LocationValueError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
)
"""Where one of these was raised first, there was no connection to send a byte of the request on."""


_NOT_REACHED = "could not reach {host} ({cause}); check the account name and the network"

_TRANSLATIONS: tuple[tuple[tuple[type[Exception], ...], str, bool], ...] = (
    (
        (  # hosts and schemes of our own URLs were checked
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.LocationValueError,
        ),
        "the proxy on the way to {host} can't be used; check HTTPS_PROXY, ALL_PROXY and NO_PROXY",
        True,
    ),
    (
        (urllib3.exceptions.ProxyError,),
        "the proxy on the way to {host} refused; check HTTPS_PROXY and NO_PROXY",
        False,
    ),
    (
        (urllib3.exceptions.NewConnectionError,),  # which counts as a time-out of connecting
        _NOT_REACHED,
        False,
    ),
    (
        (urllib3.exceptions.ConnectTimeoutError,),
        "{host} did not accept a connection within {connect_s:g} s",
        False,
    ),
    (
        (urllib3.exceptions.TimeoutError,),
        "{host} did not answer within {read_s:g} s",
        False,
    ),
    (
        # SSLError is one of these: a TLS connection that breaks is treated like any other.
        (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError),
        _NOT_REACHED,
        False,
    ),
    (
        (UndecodableError,),
        "{host} sent an answer that could not be decoded",
        False,
    ),
)


def host_of(url: str) -> str:
    """Return host and port of a URL, as messages name it."""
    return url.split("/")[2]


def _cause_of(exc: BaseException, kind: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    """Whether an exception of this kind was raised first; the libraries wrap it in several ways."""
    found: BaseException | None = exc
    for _ in range(_MOST_WRAPPINGS):
        if found is None or isinstance(found, kind):
            break
        reasons = (getattr(found, "reason", None), *reversed(found.args))
        wrapped = next((reason for reason in reasons if isinstance(reason, BaseException)), None)
        found = wrapped or found.__cause__ or found.__context__
    return isinstance(found, kind)


def _cause(exc: BaseException) -> str:
    text = str(exc)
    if "NameResolution" in text or "Name or service not known" in text:
        return "the name does not resolve"
    if "Connection refused" in text:
        return "connection refused"
    if "reset" in text or "aborted" in text or isinstance(exc, urllib3.exceptions.ProtocolError):
        return "the connection broke"
    return type(exc).__name__
