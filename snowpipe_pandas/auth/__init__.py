"""Credentials: private keys, signed JWTs, token caches. This room knows no HTTP and touches no network."""
