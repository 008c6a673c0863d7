"""The three processes: what each is started with, how its readiness is asked, how it is started.

Each child gets by environment variables exactly the settings it needs (the table of
``docs/architecture.md``); it never reads the settings file.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bot.app.settings import PREFIX, PROJECT_ROOT, Settings, variable

_COMMON = (
    "mode",
    "data_dir",
    "data_keys",
    "log_level",
    "log_format",
    "metrics_networks",
    "front_host",
    "front_port",
    "rasa_port",
    "action_port",
    "rasa_origin",
    "action_origin",
    "inner_host",
    "stop_within_s",
)

#: What whoever speaks to the shop gets.
SHOP_KEYS = (
    "shop_kind",
    "shop_url",
    "shop_key",
    "shop_token_url",
    "shop_client_id",
    "shop_client_secret",
    "shop_scope",
    "shop_plain_http",
    "shop_call_timeout_s",
    "shop_timeout_s",
    "shop_fault",
)

#: Beside the settings, what keeps the processes small and quiet.
_FIXED = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    # Sentence vectors and numpy on one thread: more of them cost more than they bring for single messages.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "PYTHONWARNINGS": "ignore",  # Rasa's pinned libraries deprecate each other by the dozen
    "TQDM_DISABLE": "1",
    "MALLOC_ARENA_MAX": "2",
}


@dataclass(frozen=True)
class ChildSpec:
    """How one process is run.

    Attributes:
        name: short name, also of its log: ``actions``, ``rasa``, ``front``.
        module: what ``python -m`` runs.
        keys: settings it gets beside the common ones.
        port_key: the setting of its port.
        health: path that answers 200 once it serves.
        arguments: what the module is given on its command line.
        nice: how far it gives way to the others where processors are short (Unix's niceness, 0 to 19).
    """

    name: str
    module: str
    keys: tuple[str, ...]
    port_key: str
    health: str
    arguments: tuple[str, ...] = ()
    nice: int = 0


#: What answers gives way to the front, which has to acknowledge however much there is to answer.
_BEHIND_THE_FRONT = 3

ACTIONS = ChildSpec(
    "actions",
    "actions.server",
    (*SHOP_KEYS, "assertion_key", "action_secret"),
    "action_port",
    "/health",
    nice=_BEHIND_THE_FRONT,
)
RASA = ChildSpec(
    "rasa",
    "bot.components.server",
    (
        "tracker_url",
        "tracker_connections",
        "statement_timeout_s",
        "rasa_secret",
        "action_secret",
        "model_dir",
    ),
    "rasa_port",
    "/webhooks/front/health",
    nice=_BEHIND_THE_FRONT,
)
FRONT = ChildSpec(
    "front",
    "bot.app.front",
    (
        "record_url",
        "record_connections",
        "statement_timeout_s",
        "redis_url",
        "assertion_key",
        "rasa_secret",
        "token_keys",
        "token_issuer",
        "token_audience",
        "event_keys",
        "webhook_urls",
        "webhook_key",
        "alert_urls",
        "late_watch_s",
        "channels",
        "public_url",
        "bind_url",
        "allowed_origins",
        "embed_origins",
        "product_url",
        "trusted_proxies",
        "drain_s",
        "rate_address",
        "rate_opening",
        "rate_conversation",
        "desk_idle_hours",
        "desk_secure_cookies",
        "desk_origins",
        *SHOP_KEYS,
    ),
    "front_port",
    "/readyz",
)


def keys_of(spec: ChildSpec) -> tuple[str, ...]:
    """Return the settings that a process gets."""
    return (*_COMMON, *spec.keys)


def environment(
    spec: ChildSpec, settings: Settings, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the whole environment of a child: inherited without our variables, plus its own."""
    own = {variable(key): plain(getattr(settings, key)) for key in keys_of(spec)}
    theirs = settings.channel_values if "channels" in spec.keys else {}
    return {**bare_environment(inherited), **own, **theirs}


def bare_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what every process of ours starts from: the inherited variables without our settings."""
    inherited = os.environ if inherited is None else inherited
    clean = {name: value for name, value in inherited.items() if not name.startswith(PREFIX)}
    path = os.pathsep.join(p for p in (str(PROJECT_ROOT), inherited.get("PYTHONPATH", "")) if p)
    return {**clean, **_FIXED, "PYTHONPATH": path}


def plain(value: Any) -> str:
    """Return a setting's value as an environment variable carries it."""
    return str(getattr(value, "value", value))


def spawn(
    arguments: list[str],
    env: Mapping[str, str],
    *,
    output: IO[bytes] | None,
    keep: tuple[int, ...] = (),
    nice: int = 0,
) -> tuple[subprocess.Popen[bytes], int]:
    """Start ``python -m <arguments>`` under :mod:`bot.app.leash`.

    Args:
        arguments: module and its arguments.
        env: the whole environment.
        output: where stdout and stderr go; None is this process's own.
        keep: descriptors the child holds open (the lock of the data folder).
        nice: see :class:`ChildSpec`.

    Returns:
        The process, and the writing end of the pipe that holds it: the child ends when it is closed,
        so also when this process dies by whatever cause.
    """
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and modules)
            [sys.executable, "-m", "bot.app.leash", str(reading), str(os.getpid()), *arguments],
            cwd=PROJECT_ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            pass_fds=(reading, *keep),
            # Ctrl-C in the terminal reaches the supervisor alone, which stops all in order.
            start_new_session=True,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    if nice:
        _give_way(process.pid, nice)
    return process, writing


def _give_way(pid: int, nice: int) -> None:
    """Let a process that has just begun give way; where that is not to be had, it goes on as it is."""
    if not hasattr(os, "setpriority"):
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)  # threads that it starts inherit it
    # Linux may weigh sessions against each other, each child is one, and heed niceness within them only.
    # Who is not root may change that ten times a second at most.
    for pause in (0.11, 0.11, 0.0):
        try:
            Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")
        except BlockingIOError:
            time.sleep(pause)
        except OSError:
            return
        else:
            return


def answers(spec: ChildSpec, settings: Settings, timeout_s: float = 2.0) -> bool:
    """Say whether the process's health address answers 200 now."""
    host = "127.0.0.1"
    if spec.port_key == "front_port" and settings.front_host not in {"0.0.0.0", "::", "localhost"}:  # noqa: S104
        host = settings.front_host
    connection = http.client.HTTPConnection(host, getattr(settings, spec.port_key), timeout=timeout_s)
    try:
        connection.request("GET", spec.health)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def log_path(spec: ChildSpec, settings: Settings) -> Path:
    """Return where the process's output goes."""
    return settings.logs_dir / f"{spec.name}.log"
