"""Row JSON: anything tabular becomes NDJSON payloads. It knows no HTTP, no channels, no credentials."""
