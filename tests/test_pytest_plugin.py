"""The pytest plugin as docs/testing.md shows it to users: installed, and used by name."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "testing.md"
EACH_ITS_OWN = """
def test_each_test_has_an_account_of_its_own(shop):
    assert count(shop) == 0
"""


def run_pytest(folder, *options):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_the_tests_of_the_page_find_the_account(tmp_path):
    (users_test,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "test_orders.py").write_text(users_test + EACH_ITS_OWN)
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_fixture_explains_itself(tmp_path):
    done = run_pytest(tmp_path, "--fixtures", "-p", "no:randomly")
    assert "snowpipe_account" in done.stdout
    assert "A running local account" in done.stdout
