"""Loads whose rows an engine holds, in partitions on many machines: the interface for Dask, Spark and Ray.

>>> from snowpipe_pandas.partitions import LoadSpec, deliver, stream_partition
"""

from .driver import deliver as deliver
from .partition import stream_partition as stream_partition
from .spec import LoadSpec as LoadSpec
