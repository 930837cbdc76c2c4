"""Signers that need no key."""

import time

from snowpipe_pandas.auth.tokens import Token


class CountingSigner:
    """A signer whose token is its number; `renewals` counts how often it was refused."""

    def __init__(self, *, can_renew=True):
        self.renewals = 0
        self.can_renew = can_renew

    def token(self, caller):
        now = time.time()
        return Token(f"secret-{self.renewals}", now, now + 600)

    def headers(self, token):
        return {"Authorization": f"Bearer {token.value}"}

    def refused(self, token, caller):
        self.renewals += 1
        return self.can_renew
