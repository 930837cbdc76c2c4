"""Which front end asks a kernel: a page gets widgets, a console gets lines."""

import contextlib

import pytest
from jupyter_client.manager import start_new_kernel

from tests.support.kernel import WIDGET

START = """
import pandas as pd
import snowpipe_pandas as sp

account = sp.local(commit_lag_s=0.05)
client = sp.connect(account.profile)
frame = pd.DataFrame({"ID": range(10)})
account.sql(frame.snowpipe.ddl("DEMO.PUBLIC.T"))
channel = client.open_channel("c", table="DEMO.PUBLIC.T")
"""
LOAD = "frame.snowpipe.stream(channel, load_id='one')\nclient.close()\naccount.close()"


@pytest.fixture
def outputs_of():
    """Run code in a kernel as a front end would, which names its user and perhaps the cell."""
    manager, client = start_new_kernel(kernel_name="python3")

    def run(username, metadata):
        outputs_of = []
        client.session.username = username
        content = {"silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True}
        for code in (START, LOAD):
            message = client.session.msg("execute_request", content | {"code": code}, metadata=metadata)
            client.shell_channel.send(message)
            outputs_of += _outputs(client, message["header"]["msg_id"])
        return outputs_of

    yield run
    with contextlib.suppress(Exception):
        client.stop_channels()
    manager.shutdown_kernel(now=True)


def _outputs(client, asked):
    """What the kernel publishes until it has done what was asked."""
    found = []
    while True:
        message = client.get_iopub_msg(timeout=100)
        if message["parent_header"].get("msg_id") != asked:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return found
        found.append((message["msg_type"], message["content"]))


@pytest.mark.parametrize(
    ("username", "metadata", "page"),
    [("someone", {}, False), ("", {}, True), ("username", {}, True), ("someone", {"cellId": "1"}, True)],
    ids=["console", "JupyterLab", "older page", "page that names a cell"],
)
def test_a_console_gets_lines_and_a_page_a_widget(outputs_of, username, metadata, page):
    outputs = outputs_of(username, metadata)
    shown = [content["data"] for kind, content in outputs if kind == "display_data"]
    lines = "".join(content["text"] for kind, content in outputs if kind == "stream")
    assert [WIDGET in data for data in shown] == [True] * page
    assert ("-> DEMO.PUBLIC.T  done 100%  10/10 rows in the table" in lines) is not page
