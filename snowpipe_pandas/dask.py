"""`ddf.snowpipe`: puts a Dask DataFrame into a table, each partition from the worker that holds it.

>>> import snowpipe_pandas.dask
>>> ddf.snowpipe.stream("DEMO.PUBLIC.FLIGHTS", load_id="flights-2013", profile="profile.json")
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

from .arguments import whole
from .display.choose import ShowProgress, checked_progress, displayed
from .errors import MissingDependencyError, UsageError
from .events import Event, Hub
from .partitions import LoadSpec, deliver, stream_partition
from .partitions.crew import Crew, message
from .partitions.dask_texts import texts_of_objects
from .partitions.driver import Outcome
from .partitions.spec import without_secrets
from .streaming.progress import Progress
from .streaming.result import StreamResult

try:
    from dask.dataframe.extensions import register_dataframe_accessor
    from dask.delayed import delayed
    from distributed import CancelledError, Client, as_completed, get_client, get_worker
except ImportError:
    raise MissingDependencyError("ddf.snowpipe", "dask") from None


@register_dataframe_accessor("snowpipe")
class DaskAccessor:
    """What a Dask DataFrame can do with Snowpipe Streaming; reached as `ddf.snowpipe`."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def stream(
        self,
        table: str | None = None,
        *,
        pipe: str | None = None,
        load_id: str,
        client: Client | None = None,
        retries: int = 3,
        progress: ShowProgress = "auto",
        **given: Any,
    ) -> StreamResult:
        """Put every row of every partition into a table, once, and wait until all are committed.

        It computes the frame now; a partition is sent by the worker that holds it, through a channel of its
        own. The same call after any failure, from any driver, skips what is committed and goes on.

        Args:
            table: the target, `DATABASE.SCHEMA.TABLE`.
            pipe: or a pipe of your own, `DATABASE.SCHEMA.PIPE`.
            load_id: names the load.
            client: the cluster's client; the current one by default.
            retries: how often Dask runs a partition that raised again.
            progress: as in `sp.stream()`; the view has a row for each worker, and a function is called with
                the events of all workers.
            given: `max_channels` (2,000); options of `sp.stream()` (`on_error`, `columns`, `limits`, ...);
                arguments of `sp.connect()` (`profile`, `connection_name`, `account`, ...), as they hold on
                the workers. `private_key`, `private_key_passphrase` and `token` are references: "file:/path",
                "env:NAME" or "py:module:function".

        Returns:
            What all partitions did, each of them in `parts`; for a load that is complete, the sums only.

        Raises:
            LoadIncompleteError: partitions failed; it has the others' receipts and the line to run again.
            OtherPartsError: the load was begun in another number of partitions; nothing was sent.
            LoadMismatchError: it was begun with other columns; nothing was sent.
            ConfigError: settings that can't be used, or the text of a secret.
            UsageError: an argument can't be used, or there are more partitions than `max_channels`.

        >>> import snowpipe_pandas.dask
        >>> result = ddf.snowpipe.stream("DEMO.PUBLIC.FLIGHTS", load_id="2013", profile="profile.json")
        """
        given = without_secrets(given)  # a traceback may show the variables of this frame
        shown = checked_progress(progress)
        retries = whole("retries", retries, low=0, example="retries=3")
        partitions = self._frame.to_delayed()  # the true number: optimising fuses some
        like, parts = self._frame._meta, len(partitions)
        spec = LoadSpec.of(like, table, pipe=pipe, load_id=load_id, parts=parts, **given)
        if changed := texts_of_objects(self._frame):
            warnings.warn(
                f"Dask has turned the dicts or lists in {', '.join(map(repr, changed))} into texts, as "
                "Python writes them; make the frame with dataframe.convert-string set to False",
                stacklevel=2,
            )
        run = partial(_outcomes, partitions, spec, client or _current_client(), retries)
        where = f"pipe={pipe!r}" if spec.is_pipe else repr(table)
        named = "".join(f", {name}={value!r}" for name, value in given.items())
        again = f"ddf.snowpipe.stream({where}, load_id={load_id!r}{named})"
        crew = Crew(spec)
        with displayed(crew.tracker, crew.events, Hub(), shown), crew:
            return deliver(spec, partial(run, crew), again=again)


def _outcomes(
    partitions: list[Any], spec: LoadSpec, client: Client, retries: int, crew: Crew
) -> Iterator[tuple[int, Outcome]]:
    """Make the workers stream all partitions; yield the outcome of each as it ends."""
    topic = f"snowpipe-{uuid.uuid4().hex}"
    on_worker = delayed(snowpipe_partition, pure=False)
    tasks = [on_worker(rows, spec, number, topic) for number, rows in enumerate(partitions, 1)]
    futures = dict(zip(client.compute(tasks, retries=retries), range(1, len(tasks) + 1), strict=True))
    try:
        client.subscribe_topic(topic, lambda entry: crew.receive(entry[1]))
        for future in as_completed(futures, loop=client.loop):
            number = futures.pop(future)
            try:
                outcome = future.result()
            except (Exception, CancelledError) as error:  # noqa: BLE001  # whatever a worker raised
                outcome = error
            # An error's traceback holds its future, for which Dask would give the next call the same error.
            future.release()
            yield number, outcome
    finally:
        client.cancel(list(futures))
        client.unsubscribe_topic(topic)


def snowpipe_partition(rows: Any, spec: LoadSpec, number: int, topic: str) -> StreamResult:
    """Stream a partition on a worker, and report to the driver; Dask's dashboard shows it by this name."""
    worker = get_worker()

    def on_event(event: Event, state: Progress) -> None:
        worker.log_event(topic, message(str(worker.name), number, event, state))

    return stream_partition(rows, spec, number, on_event)


def _current_client() -> Client:
    try:
        return get_client()
    except ValueError:
        raise UsageError(
            "there is no Dask cluster to run on: make a client first, such as distributed.Client(), or pass "
            "client="
        ) from None
