"""One list of options: what checkers, Shift+Tab and callers see of `stream()` comes from it."""

import inspect
import json
import os
import re
import subprocess
import sys
from dataclasses import MISSING, fields
from functools import partial
from typing import ForwardRef

import pandas as pd
import pytest

import snowpipe_pandas as sp
from snowpipe_pandas.accessor import SnowpipeAccessor
from snowpipe_pandas.api.signature import StreamOptions
from snowpipe_pandas.errors import UsageError
from snowpipe_pandas.streaming.options import LoadOptions

FRAME = pd.DataFrame({"ID": [1]})
OPTIONS = {f.name: f for f in fields(LoadOptions)}


def keywords(function):
    """A function's options with their defaults."""
    found = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in found if p.kind is p.KEYWORD_ONLY}


def test_type_checkers_know_every_option_with_its_type():
    typed = {
        name: kind.__forward_arg__ if isinstance(kind, ForwardRef) else kind
        for name, kind in StreamOptions.__annotations__.items()
    }
    assert typed == {name: f.type for name, f in OPTIONS.items()}


@pytest.mark.parametrize(
    "function", [sp.stream, SnowpipeAccessor.stream, FRAME.snowpipe.stream], ids=["stream", "class", "frame"]
)
def test_the_signature_is_complete_with_every_default(function):
    own = {"client": None, "background": False, "progress": "auto"}
    assert keywords(function) == own | {name: f.default for name, f in OPTIONS.items()}
    assert MISSING not in keywords(function).values()


SHIFT_TAB = """
import json, pandas
import snowpipe_pandas as sp
frame = pandas.DataFrame({"ID": [1]})
for name in ("sp.stream", "frame.snowpipe.stream", "frame.snowpipe"):
    print(json.dumps(get_ipython().object_inspect(name)))
"""


def test_shift_tab_shows_the_options_and_the_docs(tmp_path):
    command = [
        sys.executable,
        "-m",
        "IPython",
        "--no-banner",
        "--HistoryManager.enabled=False",
        "-c",
        SHIFT_TAB,
    ]
    home = os.environ | {"IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(command, env=home, capture_output=True, text=True, check=True)
    *calls, accessor = map(json.loads, done.stdout.splitlines()[-3:])
    for shown in calls:
        for name, field in OPTIONS.items():
            assert f"{name}: {field.type!r} = {field.default!r}" in shown["definition"]
        assert "**" not in shown["definition"]
        assert shown["docstring"].startswith("Put every row of")
        assert shown["docstring"].count(">>> ") >= 2
    assert accessor["string_form"] == repr(FRAME.snowpipe)
    assert accessor["docstring"].count(">>> ") == 2
    for call in ("stream", "check", "ddl", "to_ndjson"):
        assert f"df.snowpipe.{call}(" in accessor["docstring"]


def test_every_option_is_reported_in_the_docs_of_stream():
    lines = inspect.getdoc(sp.stream).splitlines()
    named = {name for line in lines for name in line.partition(":")[0].strip().split(", ")}
    assert set(inspect.signature(sp.stream).parameters) <= named


def test_the_arguments_that_the_frame_names_are_arguments():
    docs = inspect.getdoc(SnowpipeAccessor.stream)
    named = re.findall(r"^    (\w+): ", docs, re.MULTILINE)
    assert named[:2] == ["target", "load_id"]
    assert set(named) <= set(inspect.signature(SnowpipeAccessor.stream).parameters)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("on_eror", r"did you mean on_error\?"),
        ("loadid", r"did you mean load_id\?"),
        ("backgroud", r"did you mean background\?"),
        ("xyz", "there are client, background, progress, load_id, after, channels"),
    ],
)
@pytest.mark.parametrize(
    "function", [partial(sp.stream, FRAME), FRAME.snowpipe.stream], ids=["stream", "frame"]
)
def test_an_unknown_option_is_named_with_the_nearest_one(function, name, hint):
    with pytest.raises(UsageError, match=rf"stream\(\) has no option '{name}': {hint}"):
        function(None, **{name: 1})


def test_a_frame_has_a_source_already():
    with pytest.raises(UsageError, match="no option 'source'"):
        FRAME.snowpipe.stream(None, source=FRAME)
