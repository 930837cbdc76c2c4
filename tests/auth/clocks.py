"""A clock that stands still until a test moves it."""

from snowpipe_pandas.auth.tokens import Clock

EPOCH_S = 1_800_000_000.0


class Hands:
    """Moves a clock: `pass_time` both hands together, `step_wall` the wall clock alone."""

    def __init__(self):
        self.wall = EPOCH_S
        self.monotonic = 100.0
        self.clock = Clock(wall=lambda: self.wall, monotonic=lambda: self.monotonic)

    def pass_time(self, seconds):
        self.wall += seconds
        self.monotonic += seconds

    def step_wall(self, seconds):
        self.wall += seconds
