"""Shared settings: one thread, so that forked and timed code behaves the same everywhere."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

pytest_plugins = ["pytester"]
