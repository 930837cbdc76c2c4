"""Compares a table with the source that it was loaded from: by SQL on one side, by Python on the other."""
