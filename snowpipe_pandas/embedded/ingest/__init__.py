"""Rows into tables: lines, columns, conversions, and what becomes of rows that do not fit."""
