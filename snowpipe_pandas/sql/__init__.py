"""SQL on the account's own host: a client of Snowflake's SQL API."""
