"""Stream pandas DataFrames into Snowflake tables, exactly once: ``df.snowpipe.stream(channel)``."""
