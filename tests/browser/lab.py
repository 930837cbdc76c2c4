"""A real JupyterLab on a free port, with a home of its own; it knows no browser."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
START_TIMEOUT_S = 60.0
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}
"""No pop-up news, every cell in the page, and widget states in saved notebooks."""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes:
        url: its address.
        token: opens it.
        root: the folder that it serves.
        work: its home, settings and log.
    """

    url: str
    token: str
    root: Path
    work: Path

    def set_theme(self, name):
        """Choose the theme of pages that are opened from now on."""
        _write_setting(self.work, "@jupyterlab/apputils-extension/themes", {"theme": name})


@contextlib.contextmanager
def jupyterlab(work):
    """Start JupyterLab in a folder with a short path (its kernels' sockets lie there), and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), work / "root", work)
    lab.root.mkdir()
    (work / "home").mkdir()
    for plugin, value in SETTINGS.items():
        _write_setting(work, plugin, value)
    with open(work / "lab.log", "wb") as log:
        process = subprocess.Popen(
            _command(lab, port),
            env=_environment(lab),
            cwd=lab.root,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_up(lab, process)
            yield lab
        finally:
            _stop(process)


def _command(lab, port):
    return [
        str(BIN / "jupyter-lab"),
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={lab.root}",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=",
        "--KernelManager.transport=ipc",
    ]


def _environment(lab):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON", "SNOWFLAKE"))}
    return kept | {
        "HOME": str(lab.work / "home"),
        "IPYTHONDIR": str(lab.work / "ipython"),
        "JUPYTER_TOKEN": lab.token,
        "JUPYTER_CONFIG_DIR": str(lab.work / "config"),
        "JUPYTER_DATA_DIR": str(lab.work / "data"),
        "JUPYTER_RUNTIME_DIR": str(lab.work / "run"),
        "JUPYTERLAB_SETTINGS_DIR": str(lab.work / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(lab.work / "workspaces"),
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}",
    }


def _write_setting(work, plugin, value):
    file = work / "settings" / f"{plugin}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value))


def _wait_until_up(lab, process):
    request = urllib.request.Request(f"{lab.url}/api/status", headers={"Authorization": f"token {lab.token}"})
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        assert process.poll() is None, (lab.work / "lab.log").read_text()[-2000:]
        assert time.monotonic() < deadline, "JupyterLab does not answer"
        try:
            urllib.request.urlopen(request, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)


def _stop(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)  # its kernels too
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
