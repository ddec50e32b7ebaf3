"""A Ctrl-C is heard while the main thread waits, Polars or not."""

from __future__ import annotations

import subprocess
import sys

WAITING = """
import os, signal, threading
import lakelab.frames

ended = threading.Event()
threading.Timer(20, ended.set).start()  # what is waited for: nobody shall wait for it after a Ctrl-C
threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
try:
    ended.wait()
except KeyboardInterrupt:
    print("in the end" if ended.is_set() else "at once", flush=True)
os._exit(0)
"""


def test_ctrl_c_is_heard_at_once():
    done = subprocess.run([sys.executable, "-c", WAITING], capture_output=True, text=True, check=False)
    assert done.stdout == "at once\n", done.stderr
