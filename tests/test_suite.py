"""The suite itself: a test that waits for ever fails."""

from __future__ import annotations

import signal

import pytest

from tests.conftest import LONGEST_S

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there are no alarms")


def test_a_test_that_waits_for_ever_fails() -> None:
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= LONGEST_S
    with pytest.raises(pytest.fail.Exception, match="waits for ever"):
        signal.raise_signal(signal.SIGALRM)
