"""Runs a module as a process that ends with its parent: ``python -m bot.app.leash FD PID MODULE [ARG...]``.

FD is the reading end of a pipe whose writing end only the parent (process PID) holds. When the parent
is gone, even by ``kill -9``, reading ends; the process then stops itself, first gently, then hard.
Linux's ``PR_SET_PDEATHSIG`` does the first half too, at once.
"""

from __future__ import annotations

import ctypes
import gc
import os
import runpy
import signal
import sys
import threading
import time

_GRACE_VARIABLE = "ZHIXIN_STOP_WITHIN_S"
_PR_SET_PDEATHSIG = 1

#: Allocations between two looks for garbage. A turn makes thousands of small objects, nearly all of which
#: reference counting frees by itself; with Python's default of 700 looking for cycles costs each turn.
_GARBAGE_THRESHOLD = 20_000


def _watch(descriptor: int) -> None:
    try:
        while os.read(descriptor, 1):
            pass
    except OSError:
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(float(os.environ.get(_GRACE_VARIABLE, "10")))
    os._exit(70)


def _ask_the_kernel(parent: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # the parent died before the call
        os._exit(70)


def main() -> None:
    """Put on the leash, then become the module."""
    descriptor, parent, module, *arguments = sys.argv[1:]
    os.set_inheritable(int(descriptor), False)
    _ask_the_kernel(int(parent))
    threading.Thread(target=_watch, args=(int(descriptor),), daemon=True, name="leash").start()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
