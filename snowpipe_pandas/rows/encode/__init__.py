"""Arrow record batches as NDJSON: a writer for each type, and the one kernel that joins what they write."""
