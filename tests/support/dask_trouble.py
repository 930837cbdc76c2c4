"""What befalls Dask's workers in tests; each worker's process imports it."""

import os
import signal
import uuid
from pathlib import Path

from distributed import WorkerPlugin

from snowpipe_pandas.partitions import partition
from snowpipe_pandas.streaming.load import Load


def die():
    """End this process, as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(frame, folder, *, first_row, times):
    """Hand a partition on; the one that begins with a row kills its worker first, some times.

    At once, since Dask counts the deaths of a task while it runs: a little later, another one would run.
    """
    if len(frame) and frame["ID"].iloc[0] == first_row and len(os.listdir(folder)) < times:
        Path(folder, uuid.uuid4().hex).touch()
        die()
    return frame


def spied(frame, folder):
    """Hand a partition on, and leave a file that says how many rows it had."""
    Path(folder, f"{len(frame)}-{uuid.uuid4().hex}").touch()
    return frame


class AfterTheCommit(WorkerPlugin):
    """Kill the worker of the first partition once, when its rows are committed and nobody knows it yet.

    Args:
        marker: a file that is there once it was done.
        way: how partitions are streamed: "right", or one of three wrong ways.
    """

    name = "after the commit"

    def __init__(self, marker, way):
        self.marker, self.way = marker, way

    def setup(self, worker):
        marker, way = Path(self.marker), self.way

        class Watched(Load):
            def run(self):
                if way == "ignores the token":
                    self.channel.reopen(offset_token="ignored")
                result = super().run()
                if way == "drops in the worker":
                    self.channel.drop()
                if self.part.part == 1 and not marker.exists():
                    marker.touch()
                    die()
                return result

        partition.Load = Watched
        if way == "names at random":
            partition.channel_of = lambda load_id, number: f"{load_id}.{uuid.uuid4().hex}"

    def teardown(self, worker):
        from snowpipe_pandas.streaming.parts import channel_of

        partition.Load, partition.channel_of = Load, channel_of
