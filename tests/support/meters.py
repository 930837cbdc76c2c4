"""How a service may count what a channel sends in a second: three ways, none of which is documented.

A meter takes a request of some bytes at a time, or refuses it: then it counts nothing.
"""

import math

from snowpipe_pandas.embedded.refusals import throttled


class SlidingSecond:
    """The last second, whenever it began."""

    def __init__(self, bytes_per_s=20_000_000, requests_per_s=10):
        self.bytes_per_s, self.requests_per_s = bytes_per_s, requests_per_s
        self.taken = []

    def takes(self, now, size):
        within = [taken for at, taken in self.taken if self.is_within(at, now)]
        if len(within) >= self.requests_per_s or sum(within) + size > self.bytes_per_s:
            return False
        self.taken.append((now, size))
        return True

    def is_within(self, at, now):
        return at > now - 1.0


class FixedSecond(SlidingSecond):
    """The seconds of the service's clock, which begin a while (0 to 1 s) after those of ours."""

    def __init__(self, behind_s=0.0, **rates):
        super().__init__(**rates)
        self.behind_s = behind_s

    def is_within(self, at, now):
        return math.floor(at - self.behind_s) == math.floor(now - self.behind_s)


class Bucket(SlidingSecond):
    """A second's worth that fills up as time passes."""

    def __init__(self, **rates):
        super().__init__(**rates)
        self.at, self.room, self.requests = -math.inf, 0.0, 0.0

    def takes(self, now, size):
        passed, self.at = now - self.at, now
        self.room = min(self.bytes_per_s, self.room + passed * self.bytes_per_s)
        self.requests = min(self.requests_per_s, self.requests + passed * self.requests_per_s)
        if self.requests < 1 or self.room < size:
            return False
        self.requests, self.room = self.requests - 1, self.room - size
        self.taken.append((now, size))
        return True


class Metered:
    """Puts a meter in the place of a local account's own rates."""

    def __init__(self, clock, meter):
        self._clock, self._meter = clock, meter
        self.refused = 0

    def take(self, channel, size):
        if not self._meter.takes(self._clock.monotonic(), size):
            self.refused += 1
            raise throttled("too much in a second", 1)
