"""Every number of seconds in the tests. A slow machine sets OSEXEC_TEST_FACTOR=3."""

import os

FACTOR = float(os.environ.get("OSEXEC_TEST_FACTOR", "1"))

# A time-out that is meant to pass, before which nothing has to happen.
SOON = 0.05 * FACTOR
# A time-out that is meant to pass, before which a child becomes ready.
SHORT = 0.2 * FACTOR
# A time-out that is meant to pass, and the wait delay after it, where both are measured.
TIMEOUT = 0.3 * FACTOR
DELAY = 0.2 * FACTOR
# What a call may take beyond its bound: the scheduler's share, not the library's.
GRACE = 0.5 * FACTOR
# A time-out that must never be the reason for anything: reaching it is a failure.
LONG = 30.0 * FACTOR
# How long threads and children may take to vanish after a test before they count as left behind.
VANISH = 2.0 * FACTOR
# How long an exec that is made slow takes, and how long other threads may stand still meanwhile.
EXEC = 0.2
STALL = 0.1 * FACTOR
# Between two looks of a wait that can only poll.
POLL = 0.005
# A child that sleeps this long is still there whenever we look.
FOREVER = 1000
# The time box of a stress test; not scaled, because the runner chose it.
STRESS = float(os.environ.get("OSEXEC_STRESS_SECONDS", "20"))
