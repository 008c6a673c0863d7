"""``zhixin run``: prepares the data, starts the three processes, watches them, stops them together."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from bot.app import children, preflight
from bot.app.children import ACTIONS, FRONT, RASA, ChildSpec
from bot.app.locking import DataLock, LockedError, state_path, write_state
from bot.app.logs import LogFollower, cut_if_large, rotate, tail
from bot.app.preflight import StartError
from bot.app.settings import Mode, Settings

Say = Callable[[str], None]
#: Makes databases and model ready; calls its second argument between steps, which raises on Ctrl-C.
Prepare = Callable[[Settings, Say, Callable[[], None]], None]
#: Processes of one stage start together; a stage begins when the one before it serves.
Stages = tuple[tuple[ChildSpec, ...], ...]

STACK: Stages = ((ACTIONS, RASA), (FRONT,))

#: Seconds a process may take until it serves: Rasa needs 15-20 on two idle cores, minutes on busy ones.
#: One that ends is noticed at once; this is for one that hangs.
READY_WITHIN_S = 600.0
#: So often it is said who is waited for.
_PATIENCE_S = 30.0
_POLL_S = 0.1
_TAIL_LINES = 25

EXIT_STOPPED = 0
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


@dataclass
class _Running:
    spec: ChildSpec
    process: subprocess.Popen[bytes]
    leash: int
    log: IO[bytes]
    ready: bool = False


class _InterruptedError(Exception):
    """Ctrl-C or SIGTERM before the stack was ready."""


class _LateError(Exception):
    """A process did not serve in time."""

    def __init__(self, running: _Running) -> None:
        super().__init__(running.spec.name)
        self.running = running


class _DiedError(Exception):
    """A process ended that should not have."""

    def __init__(self, running: _Running) -> None:
        super().__init__(running.spec.name)
        self.running = running


class Supervisor:
    """Runs the stack in the foreground.

    Args:
        settings: the checked settings.
        say: prints one line for the developer.
        prepare: makes databases and model ready.
        stages: the processes.
        follow: print the processes' logs too, each line with the name of its process.
        ready_within_s: how long a process may take until it serves.
    """

    def __init__(
        self,
        settings: Settings,
        say: Say,
        prepare: Prepare,
        *,
        stages: Stages = STACK,
        follow: bool = False,
        ready_within_s: float = READY_WITHIN_S,
    ) -> None:
        """Keep what :meth:`run` needs; nothing is started yet."""
        self._settings = settings
        self._say = say
        self._prepare = prepare
        self._stages = stages
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._told_by: signal.Signals | None = None
        self._running: list[_Running] = []
        self._followers: list[LogFollower] = []
        self._follow = follow
        self._ready_within_s = ready_within_s

    def run(self) -> int:
        """Prepare, start, watch and stop; return the exit code of the command."""
        self._handle_signals()
        started = time.monotonic()
        lock = DataLock(self._settings.data_dir)
        try:
            preflight.data_dir(self._settings.data_dir)
            lock_descriptor = lock.take(self._say)
            preflight.ports(self._settings)
            preflight.disk(self._settings.data_dir)
            self._prepare(self._settings, self._say, self._check_interrupt)
            for stage in self._stages:
                self._start(stage, lock_descriptor)
            write_state(
                self._settings.data_dir,
                self._settings.front_url,
                {r.spec.name: r.process.pid for r in self._running},
            )
            self._say(self._ready_line(time.monotonic() - started))
            while not self._stop.is_set():
                self._look_after()
                self._stop.wait(_POLL_S * 2)
            self._say(f"zhixin: {self._cause()}; stopping ...")
            return EXIT_STOPPED
        except (StartError, LockedError) as exc:
            self._say(f"zhixin: {exc}")
            return EXIT_FAILED
        except _DiedError as exc:
            self._explain(exc.running)
            return EXIT_FAILED
        except _LateError as exc:
            self._explain_late(exc.running)
            return EXIT_FAILED
        except _InterruptedError:
            self._say(f"zhixin: {self._cause()} before everything was ready; stopping ...")
            return EXIT_INTERRUPTED
        finally:
            self._stop_all()
            if lock.taken:
                state_path(self._settings.data_dir).unlink(missing_ok=True)
            lock.release()

    def _handle_signals(self) -> None:
        def handle(signum: int, frame: FrameType | None) -> None:
            del frame
            if self._stop.is_set() and signum == signal.SIGINT:
                self._hurry.set()
            self._told_by = self._told_by or signal.Signals(signum)
            self._stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup zhixin run` lives on when its terminal closes.
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            signal.signal(number, handle)

    def _cause(self) -> str:
        """Return what ends the stack, in words: who finds it ended in a script's output has only these."""
        told = self._told_by or signal.SIGTERM
        return {signal.SIGINT: "Ctrl-C (SIGINT)", signal.SIGHUP: "the terminal was closed (SIGHUP)"}.get(
            told, f"told to end by {told.name}"
        )

    def _check_interrupt(self) -> None:
        if self._stop.is_set():
            raise _InterruptedError

    def _start(self, specs: tuple[ChildSpec, ...], lock_descriptor: int) -> None:
        """Start the processes together and wait until each serves."""
        self._say(f"zhixin: starting {' and '.join(s.name for s in specs)} ...")
        for spec in specs:
            path = children.log_path(spec, self._settings)
            rotate(path)
            log = path.open("ab")
            if self._follow:
                self._followers.append(LogFollower(path, spec.name))
            process, leash = children.spawn(
                [spec.module, *spec.arguments],
                children.environment(spec, self._settings),
                output=log,
                keep=(lock_descriptor,),
                nice=spec.nice,
            )
            self._running.append(_Running(spec, process, leash, log))
        began = time.monotonic()
        next_word = began + _PATIENCE_S
        while waiting := [r for r in self._running if not r.ready]:
            self._check_interrupt()
            self._look_after()
            for running in waiting:
                running.ready = children.answers(running.spec, self._settings)
            now = time.monotonic()
            late = next((r for r in waiting if not r.ready), None)
            if late is not None and now > began + self._ready_within_s:
                raise _LateError(late)
            if late is not None and now > next_word:
                next_word += _PATIENCE_S
                self._say(f"zhixin: waiting for {late.spec.name} ({now - began:.0f} s) ...")
            self._stop.wait(_POLL_S)

    def _look_after(self) -> None:
        for follower in self._followers:
            for line in follower.lines():
                self._say(line)
        for running in self._running:
            if running.process.poll() is not None:
                raise _DiedError(running)
            cut_if_large(children.log_path(running.spec, self._settings))

    def _ready_line(self, seconds: float) -> str:
        url = self._settings.front_url
        demo = f"demo shop {url}/demo/  " if self._settings.mode is Mode.DEMO else ""
        return (
            f"zhixin ready in {seconds:.0f} s ({self._settings.mode.value}): {demo}chat {url}/widget/  "
            f"desk {url}/desk/  "
            f"API {url}/api/v1/openapi.json  logs {self._settings.logs_dir}  (Ctrl-C stops)"
        )

    def _explain(self, running: _Running) -> None:
        code = running.process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        path = children.log_path(running.spec, self._settings)
        self._say(f"zhixin: {running.spec.name} {how}, so the others are stopped. Its last lines ({path}):")
        self._say_tail(path)

    def _explain_late(self, running: _Running) -> None:
        path = children.log_path(running.spec, self._settings)
        self._say(
            f"zhixin: {running.spec.name} runs but did not serve within {self._ready_within_s:.0f} s, "
            f"so all are stopped. Its last lines ({path}):"
        )
        self._say_tail(path)

    def _say_tail(self, path: Path) -> None:
        for line in tail(path, _TAIL_LINES) or ["(it has written nothing)"]:
            self._say(f"  {line}")

    def _stop_all(self) -> None:
        """Stop in the order of the traffic: no new message, then no new turn, then no new action."""
        for running in reversed(self._running):
            self._terminate(running)
        for running in self._running:
            os.close(running.leash)
            running.log.close()
        self._running.clear()

    def _terminate(self, running: _Running) -> None:
        process = running.process
        if process.poll() is None:
            process.terminate()
        deadline = time.monotonic() + self._settings.stop_within_s
        while process.poll() is None and time.monotonic() < deadline and not self._hurry.is_set():
            time.sleep(_POLL_S / 2)
        if process.poll() is None:
            process.kill()
            process.wait()
