"""Clocks around functions of a run: where its time goes, in stages that sum to the whole."""

import threading
import time
from collections import defaultdict

import numpy as np


class Clock:
    """Own wall and CPU time of named stages: a stage's clock stands while another, begun inside it, runs.

    Stages are those of one thread; the CPU time is that of all, on the stage that is under way in the one.
    """

    def __init__(self):
        self.seconds = defaultdict(lambda: np.zeros(2))
        self.running, self.last, self.thread = ["the rest"], self.now(), threading.current_thread()

    @staticmethod
    def now():
        return np.array([time.perf_counter(), time.process_time()])

    def switch(self):
        now = self.now()
        self.seconds[self.named(self.running[-1])] += now - self.last
        self.last = now

    def named(self, stage):
        """What a stage is called."""
        return stage

    def around(self, stage, function):
        """The function, with its time on the stage."""

        def timed(*args, **options):
            if threading.current_thread() is not self.thread:
                return function(*args, **options)
            self.switch()
            self.running.append(stage)
            try:
                return function(*args, **options)
            finally:
                self.switch()
                self.running.pop()

        return timed
