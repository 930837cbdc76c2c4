"""What the protocol asks of the account: who is let in, bodies, operations, channels and their commits."""
