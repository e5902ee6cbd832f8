"""Processes that are killed in the middle of their work."""

import os
import signal
import time


def kill_when(process, condition, *, seconds=90):
    """SIGKILL a process group as soon as a condition holds; whether it did in time."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        if condition():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.002)
    return False
