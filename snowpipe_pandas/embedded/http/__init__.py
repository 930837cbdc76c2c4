"""The account over HTTP: the server, its routes, and the trouble that faults make."""
