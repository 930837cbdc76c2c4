"""The account over HTTP: the server, its routes, and the injection of faults."""
