"""The entries to loads: `stream()` and jobs, which stand above the loads themselves and their views."""
