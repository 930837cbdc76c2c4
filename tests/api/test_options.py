"""The options and limits of a load: parsed once, to plain values, and refused by name."""

import math
from dataclasses import fields

import numpy as np
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.errors import ConfigError, UsageError
from snowpipe_pandas.streaming.options import LoadOptions

LIMITS = [f.name for f in fields(sp.LoadLimits)]
RATES = ("max_bytes_per_s", "max_requests_per_s")


def test_values_become_plain():
    options = LoadOptions(load_id=np.str_("a"), commit_timeout_s=np.float32(2), wait=np.bool_(False))
    kinds = [type(value) for value in (options.load_id, options.commit_timeout_s, options.wait)]
    assert kinds == [str, float, bool]
    limits = sp.LoadLimits(max_raw_bytes=np.int64(5), audit_grace_s=np.float64(3))
    assert (type(limits.max_raw_bytes), type(limits.audit_grace_s)) == (int, float)


def test_a_load_without_a_name_is_known_as_one():
    assert LoadOptions().load_id is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("load_id", "a b"),
        ("after", "a:b"),
        ("after", 7),
        ("wait", 1),
        ("on_error", "ignore"),
        ("commit_timeout_s", -1),
        ("max_in_flight_bytes", 0),
        ("flush_interval_s", -0.1),
        ("flush_interval_s", math.inf),
        ("limits", {"max_raw_bytes": 1}),
        ("index", "ID"),
        ("columns", ["ID"]),
        ("column_case", "lower"),
        ("nulls", None),
        ("binary_format", "base32"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(name, value):
    with pytest.raises(UsageError, match=rf"^{name}=.* can.t be used: give "):
        LoadOptions(**{name: value})


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "1", None, True])
def test_a_limit_that_cannot_be_used_is_named(name, value):
    if name in RATES and value in (None, math.inf):
        assert getattr(sp.LoadLimits(**{name: value}), name) == value  # the service's rate, or none
        return
    with pytest.raises(ConfigError, match=rf"^{name}=") as caught:
        sp.LoadLimits(**{name: value})
    assert caught.value.setting == "limits"


@pytest.mark.parametrize("name", ["status_interval_s", "max_reopens", "max_raw_bytes", *RATES])
def test_a_limit_that_would_stop_every_load_or_never_rest_is_refused(name):
    with pytest.raises(ConfigError, match=f"^{name}=0 "):
        sp.LoadLimits(**{name: 0})
