"""The pytest plugin as users have it: installed, and asked for by name."""

import subprocess
import sys

USERS_TEST = """
import pandas as pd
import snowpipe_pandas as sp


def load_orders(profile):
    with sp.connect(profile) as client:
        channel = client.open_channel("orders", table="DEMO.PUBLIC.ORDERS")
        pd.DataFrame({"ID": [1, 2, 3]}).snowpipe.stream(channel, progress=False)


def test_orders_arrive(snowpipe_account):
    snowpipe_account.sql("CREATE TABLE ORDERS (ID NUMBER)")
    load_orders(snowpipe_account.profile)
    assert len(snowpipe_account.sql("SELECT * FROM ORDERS")) == 3


def test_each_test_has_an_account_of_its_own(snowpipe_account):
    snowpipe_account.sql("CREATE TABLE ORDERS (ID NUMBER)")
    assert snowpipe_account.sql("SELECT * FROM ORDERS").empty
"""


def run_pytest(folder, *options):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_a_users_tests_find_the_account(tmp_path):
    (tmp_path / "test_orders.py").write_text(USERS_TEST)
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_fixture_explains_itself(tmp_path):
    done = run_pytest(tmp_path, "--fixtures", "-p", "no:randomly")
    assert "snowpipe_account" in done.stdout
    assert "A running local account" in done.stdout
