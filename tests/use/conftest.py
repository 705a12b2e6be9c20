"""What these tests share: `run`, with each driver."""

from tests.helpers.drivers import run as run
