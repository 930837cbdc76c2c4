"""What the user has, as Arrow record batches: frames, Arrow, iterators, dicts. It writes no text."""
