"""Snowflake's SQL for DuckDB, and the types that tables are declared with."""
