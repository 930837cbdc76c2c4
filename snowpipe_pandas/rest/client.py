"""The client of one account: made from settings, signs at once, connects on first use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from .. import metrics
from ..arguments import flag, instance, items, plain_text, refuse
from ..auth.tokens import Clock
from ..config import Settings, hidden, hidden_pointers, load_settings
from ..errors import ClosedError, UsageError
from ..events import ClientClosed, Hub, TokenLife
from ..hosts import allowed_host
from ..names import ObjectName, TargetName
from ..shown import visible
from .caller import Caller
from .channel import Channel
from .known_loads import ListedChannel
from .planes import Planes
from .policy import PollPolicy, RetryPolicy, Timeouts
from .status import ChannelStatus
from .target import Target, channel_name
from .transport import Transport

if TYPE_CHECKING:
    from ..sql.door import DataFrame

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """When the client's tokens end, in seconds since the epoch; None where there is none yet.

    `credential` is the signed JWT (or given token), `scoped` the one that the ingest host takes.
    """

    credential: float | None
    scoped: float | None


class Client:
    """A client of one account; use `connect()` to make one.

    The JWT is signed here and now; nothing is sent before the first call that needs the service.

    Args:
        settings: account, user, credential and hosts.
        retry: when a request is tried again.
        timeouts: how long one try of a request may take.
        clock: the time as the server sees it.
        polling: how patiently the status of its channels is watched.
        allow_ingest_hosts: hosts outside of the account's own domain that its rows may go to.

    Attributes:
        events: what happens with this client's requests, tokens and loads; see `snowpipe_pandas.events`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        retry: RetryPolicy = RetryPolicy(),
        timeouts: Timeouts = Timeouts(),
        clock: Clock | None = None,
        polling: PollPolicy = PollPolicy(),
        allow_ingest_hosts: Sequence[str] = (),
    ) -> None:
        instance("settings", settings, Settings, wanted="what connect() makes of its arguments", secret=True)
        retry = _policy("retry", retry, RetryPolicy, "budget_s=60")
        timeouts = _policy("timeouts", timeouts, Timeouts, "read_s=30")
        allowed = checked_ingest_hosts(allow_ingest_hosts)
        self._settings = settings
        self.events = Hub(metrics.listeners())
        self._clock = clock = clock or Clock()
        self._polling = polling
        self._caller = Caller(clock, self.events)
        self._credential = settings.credential(clock)
        if self._credential.at_once:
            self._credential.token(self._caller)
        self._transport = Transport(
            clock,
            ca_file=settings.ca_file,
            application=settings.application,
            retry=retry,
            timeouts=timeouts,
        )
        self._planes = Planes(
            self._transport,
            settings.account_url,
            self._credential,
            clock,
            self.events,
            allow_ingest_hosts=allowed,
        )
        self._closed = False

    def __repr__(self) -> str:
        settings = self._settings
        who = settings.user or f"its {settings.authenticator} token says"
        return visible(f"<Client of {settings.account} as {who}>")

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client holds connections and secrets and is not copied or pickled; connect() again"
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def open_channel(
        self,
        name: str,
        *,
        table: str | None = None,
        pipe: str | None = None,
        offset_token: str | None = None,
    ) -> Channel:
        """Open a channel, making it if it is new, and fence its earlier writers.

        Args:
            name: the channel's name; one writer at a time.
            table: the target, `DATABASE.SCHEMA.TABLE`, reached through its default pipe.
            pipe: or a pipe of your own, `DATABASE.SCHEMA.PIPE`.
            offset_token: sets the channel's committed token, for a writer with tokens of its own.

        Raises:
            NotFoundError: no such table or pipe, or no grant on it.
            AuthenticationError: the credentials were refused.
            UncommittedRowsError: an earlier writer's rows stayed uncommitted for two minutes.

        >>> channel = client.open_channel("notebook-1", table="DEMO.PUBLIC.FLIGHTS")
        """
        return self._target(table, pipe).open_channel(name, offset_token=offset_token)

    def table(self, name: str, *, create: bool = False) -> Target:
        """Return a table as a target of loads; no request is made.

        Args:
            name: `DATABASE.SCHEMA.TABLE`; `connect()` may have a database and a schema for what is left out.
            create: let loads into it make the table if it is missing, as `stream(..., create=True)` does.

        Raises:
            ConfigError: the name is not possible.
            UsageError: `create` is neither True nor False.

        >>> flights = client.table("DEMO.PUBLIC.FLIGHTS")
        >>> df.snowpipe.stream(flights, load_id="2013-01")
        """
        create = flag("create", create)
        return self._at(TargetName.of_table(self._object("table", name)), create=create)

    def pipe(self, name: str) -> Target:
        """Return a pipe of your own as a target of loads; no request is made.

        Args:
            name: `DATABASE.SCHEMA.PIPE`.

        Raises:
            ConfigError: the name is not possible.

        >>> df.snowpipe.stream(client.pipe("DEMO.PUBLIC.CLEANED"), load_id="2013-01")
        """
        return self._at(TargetName.of_pipe(self._object("pipe", name)))

    def channel_statuses(
        self, names: Sequence[str], *, table: str | None = None, pipe: str | None = None
    ) -> dict[str, ChannelStatus]:
        """Fetch the states of several channels of one table or pipe; unknown ones have no entry.

        >>> client.channel_statuses(["notebook-1"], table="DEMO.PUBLIC.FLIGHTS")["notebook-1"].rows_inserted
        336776
        """
        self._check_open()
        given = items("names", names, wanted='the names of channels, such as names=["notebook-1"]')
        known = [channel_name(f"names[{at}]", name) for at, name in enumerate(given)]
        return self._target(table, pipe).statuses(known)

    def sql(self, text: str, *, params: Sequence[Any] | None = None, timeout_s: float = 600.0) -> DataFrame:
        """Run one SQL statement by Snowflake's SQL API, and return its whole result.

        A Ctrl-C and the end of the time cancel it. See docs/sql.md for the types of the columns.

        Args:
            text: one statement.
            params: the values of its `?`, in order: str, int, float, Decimal, bool, bytes, date, time,
                datetime, None.
            timeout_s: seconds that the statement may take, 1 or more.

        Raises:
            SqlError: it failed; WarehouseError, SqlPrivilegeError, SqlTimeoutError and SqlResultError say
                more, and SqlUnknownError says that it may have been done.
            AuthenticationError: the credentials were refused.
            ThrottledError, TransportError: it was not run.
            UsageError: an argument can't be used.

        >>> client.sql("SELECT COUNT(*) AS N FROM DEMO.PUBLIC.FLIGHTS WHERE DAY < ?", params=[8])
              N
        0  6099
        """
        # Imported here, since `sql` is built on this module.
        from ..sql.door import Context, run

        self._check_open()
        had = self._settings
        context = Context.of_settings(had.database, had.schema, had.warehouse, had.role)
        return run(self._planes, context, self._caller, text, params=params, timeout_s=timeout_s)

    def token(self) -> str:
        """Return the credential's current token (the signed JWT); a secret, so keep it out of outputs."""
        return self._credential.token(self._caller).value

    @property
    def token_expiry(self) -> TokenExpiry:
        """When the credential's and the scoped token end."""
        if self._credential.at_once:
            self._credential.token(self._caller)
        return TokenExpiry(self._credential.cache.expires_at, self._planes.scoped.cache.expires_at)

    @property
    def tokens(self) -> dict[str, TokenLife]:
        """The lives of the tokens in use: "jwt" (or what is used in its place), "scoped" once exchanged."""
        return self._planes.tokens

    @property
    def identity(self) -> tuple[str, str, str]:
        """Account, user and key fingerprint ("" without a key), as the credential claims them."""
        return self._planes.identity

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self._closed

    def describe(self) -> dict[str, tuple[str, str]]:
        """Return each setting's value and where it came from; secrets are masked."""
        return self._settings.describe()

    def close(self) -> None:
        """Close the connections; idempotent. Channels stay open at the service."""
        if self._closed:
            return
        self._closed = True
        self._transport.close()
        self.events.emit(ClientClosed())

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the client is closed; make a new one with connect()")

    def _target(self, table: Any, pipe: Any) -> Target:
        if (table is None) == (pipe is None):
            raise UsageError("give either table= or pipe=, such as table='DEMO.PUBLIC.FLIGHTS'")
        return self.pipe(pipe) if table is None else self.table(table)

    def _object(self, argument: str, name: Any) -> ObjectName:
        settings = self._settings
        return ObjectName.parse(name, database=settings.database, schema=settings.schema, argument=argument)

    def _at(self, name: TargetName, *, create: bool = False) -> Target:
        self._check_open()
        return Target(
            self._planes,
            name,
            self._caller,
            polling=self._polling,
            door=self,
            list_channels=self._list_channels,
            create=create,
        )

    def _list_channels(self, name: TargetName) -> list[ListedChannel]:
        from ..sql.catalogue import list_channels

        if name.table is None:
            return list_channels(self, "pipe", name.pipe)
        return list_channels(self, "table", name.table)


def _policy(argument: str, value: Any, kind: type[T], example: str) -> T:
    """Return a policy; it is given with the settings of connect(), so its value is not shown."""
    wanted = f"a {kind.__name__}, such as {argument}=sp.{kind.__name__}({example})"
    return instance(argument, value, kind, wanted=wanted, setting=argument, secret=True)


def checked_ingest_hosts(given: Any) -> list[str]:
    """Return the hosts that a client may send rows to, apart from its account's own.

    Raises:
        ConfigError: one is neither a host nor a pattern with `*.` before a domain.
    """
    wanted = 'hosts, or "*." and a domain, such as allow_ingest_hosts=["*.ingest.example.com"]'
    setting = "allow_ingest_hosts"
    found = []
    for at, item in enumerate(items(setting, given, wanted=f"a list of {wanted}", setting=setting)):
        host = allowed_host(plain_text(item) or "")
        if host is None:
            refuse(f"{setting}[{at}]", item, wanted, setting=setting)
        found.append(host)
    return found


def connect(
    profile: str | Path | None = None,
    *,
    connection_name: str | None = None,
    retry: RetryPolicy = RetryPolicy(),
    timeouts: Timeouts = Timeouts(),
    allow_ingest_hosts: Sequence[str] = (),
    **settings: Any,
) -> Client:
    """Make a client from arguments, a profile, the environment or `connections.toml`, in this order.

    The JWT is signed at once; nothing is sent before the first call that needs the service. Without any
    settings, in a container or a notebook of Snowflake's, the container's own token is used.

    Args:
        profile: path of a `profile.json`, in the official SDK's format.
        connection_name: a connection of `connections.toml` or `config.toml`.
        retry: when a request is tried again, `RetryPolicy(attempts, base_s, cap_s, jitter, budget_s)`.
        timeouts: how long one try may take, `Timeouts(connect_s, read_s, total_s)`.
        allow_ingest_hosts: hosts outside of the account's own domain (`snowflakecomputing.com`, or that of
            `url=`) that the service may name for the rows, each a host or `*.` and a domain.
        settings: single settings, which override all other sources: `account`, `user`,
            `private_key_file` or `private_key`, `private_key_passphrase`; `authenticator` with `token` or
            `token_file_path`, or with `oauth_client_id`, `oauth_client_secret`, `oauth_refresh_token`,
            `oauth_scope`, `oauth_token_request_url`; `url` or `host`, `scheme`, `port`; `role`, `warehouse`,
            `database`, `schema`; `ca_file`, `application`, `authorization_scheme`, `jwt_lifetime_s`,
            `audience`. See docs/connecting.md.

    Files (profile, key, token, certificates) are plain files of at most 1 MB (`ca_file`: 16 MB); devices,
    pipes and folders are refused. https goes through the proxies that `HTTPS_PROXY`, `ALL_PROXY` and
    `NO_PROXY` name; plain http, which is for this machine only, never does.

    Raises:
        ConfigError: a setting is missing, malformed, unknown, or given two ways.
        PrivateKeyError: the key can't be used.

    >>> client = connect("profile.json")
    >>> client = connect(account="myorg-dev", user="loader", private_key_file="rsa_key.p8")
    """
    # Rebound before anything can raise: a traceback may show the variables of this frame.
    settings, profile, connection_name = hidden(settings), *hidden_pointers(profile, connection_name)
    loaded = load_settings(profile, connection_name=connection_name, **settings)
    return Client(loaded, retry=retry, timeouts=timeouts, allow_ingest_hosts=allow_ingest_hosts)
