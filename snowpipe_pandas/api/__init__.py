"""The entries to loads: `stream()` and jobs, which bring loads and their views together."""
