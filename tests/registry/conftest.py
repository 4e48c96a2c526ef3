import time
from collections.abc import Callable

import pytest

LONGEST_WAIT_SECONDS = 20


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is true, and fails if it never is."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "it did not become true"
            time.sleep(0.05)

    return wait
