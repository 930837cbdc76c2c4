"""The pipeline: where rows and the REST client meet, and where exactly-once is decided."""
