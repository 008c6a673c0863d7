"""``zhixin run``: prepares the data, starts the three processes, watches them, stops them together."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import IO

from bot.app import children, preflight
from bot.app.children import ACTIONS, FRONT, RASA, ChildSpec
from bot.app.locking import DataLock, LockedError, state_path, write_state
from bot.app.logs import LogFollower, cut_if_large, rotate, tail
from bot.app.preflight import StartError
from bot.app.settings import Settings

Say = Callable[[str], None]
#: Makes databases and model ready; calls its second argument between steps, which raises on Ctrl-C.
Prepare = Callable[[Settings, Say, Callable[[], None]], None]
#: Processes of one stage start together; a stage begins when the one before it serves.
Stages = tuple[tuple[ChildSpec, ...], ...]

STACK: Stages = ((ACTIONS, RASA), (FRONT,))

#: Seconds a process may take until it serves; Rasa needs 15-20 on two idle cores.
READY_WITHIN_S = 180.0
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
    """

    def __init__(
        self, settings: Settings, say: Say, prepare: Prepare, *, stages: Stages = STACK, follow: bool = False
    ) -> None:
        """Keep what :meth:`run` needs; nothing is started yet."""
        self._settings = settings
        self._say = say
        self._prepare = prepare
        self._stages = stages
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._running: list[_Running] = []
        self._followers: list[LogFollower] = []
        self._follow = follow

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
            self._say("zhixin: stopping ...")
            return EXIT_STOPPED
        except (StartError, LockedError) as exc:
            self._say(f"zhixin: {exc}")
            return EXIT_FAILED
        except _DiedError as exc:
            self._explain(exc.running)
            return EXIT_FAILED
        except _InterruptedError:
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
            self._stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, handle)

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
            )
            self._running.append(_Running(spec, process, leash, log))
        deadline = time.monotonic() + READY_WITHIN_S
        while waiting := [r for r in self._running if not r.ready]:
            self._check_interrupt()
            self._look_after()
            for running in waiting:
                running.ready = children.answers(running.spec, self._settings)
            if time.monotonic() > deadline:
                late = waiting[0].spec
                raise StartError(
                    f"{late.name} was not ready within {READY_WITHIN_S:.0f} s; "
                    f"see {children.log_path(late, self._settings)}"
                )
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
        return (
            f"zhixin ready in {seconds:.0f} s ({self._settings.mode.value}): chat {url}/  desk {url}/desk/  "
            f"API {url}/api/v1/openapi.json  logs {self._settings.logs_dir}  (Ctrl-C stops)"
        )

    def _explain(self, running: _Running) -> None:
        code = running.process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        path = children.log_path(running.spec, self._settings)
        self._say(f"zhixin: {running.spec.name} {how}, so the others are stopped. Its last lines ({path}):")
        for line in tail(path, _TAIL_LINES):
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
