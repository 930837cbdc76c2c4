"""Row JSON: anything tabular becomes NDJSON payloads. This room knows no HTTP, no channels, no credentials."""
