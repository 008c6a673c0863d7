"""The Rasa process: ``python -m bot.components.server``.

Serves the front's channel on loopback and prints ``ready`` once the model is loaded and warm.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bot.components.logs import configure_logging
from bot.components.training import ROOT, current_model
from persona.telemetry import metrics

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from rasa.core.agent import Agent
    from sanic import Sanic
    from sanic.request import Request
    from sanic.response import HTTPResponse

    from bot.components.front_channel import FrontChannel

logger = logging.getLogger("zhixin.rasa")

#: A sentence that goes the whole way through the pipeline before the first shopper's does.
_WARM_UP = "你好，请问我的快递到哪了？"


#: Kept of the time to stop, in seconds, for closing what is open.
_FOR_CLOSING_S = 3.0


class StartError(RuntimeError):
    """The process cannot serve; the message says why."""


def prepare_environment(environ: MutableMapping[str, str]) -> None:
    """Set what Rasa reads from the environment, before it is imported.

    Raises:
        StartError: a variable that the process needs is missing.
    """
    missing = [
        name
        for name in ("ZHIXIN_RASA_SECRET", "ZHIXIN_ACTION_SECRET", "ZHIXIN_DATA_KEYS")
        if not environ.get(name)
    ]
    if missing:
        raise StartError(f"missing in the environment: {', '.join(missing)}")
    environ.setdefault("ZHIXIN_ACTION_PORT", "5055")
    environ.setdefault("ZHIXIN_ACTION_ORIGIN", f"http://127.0.0.1:{environ['ZHIXIN_ACTION_PORT']}")
    environ["RASA_TELEMETRY_ENABLED"] = "false"
    environ.setdefault("LOG_LEVEL_LIBRARIES", "ERROR")
    environ.setdefault("SANIC_WORKERS", "1")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        environ.setdefault(name, "1")


def serve(model: Path, port: int, host: str = "127.0.0.1") -> None:
    """Serve `model` until SIGTERM or SIGINT; turns that have begun are finished."""
    from bot.components import tuning

    config = yaml.safe_load((ROOT / "bot/config.yml").read_text("utf-8"))
    if not tuning.needs_tensorflow(config):
        tuning.load_rasa_without_tensorflow()
    import rasa.core.run
    from rasa.core.utils import AvailableEndpoints
    from sanic.response import empty

    channels = rasa.core.run.create_http_input_channels(None, str(ROOT / "bot/credentials.yml"))
    endpoints = AvailableEndpoints.read_endpoints(str(ROOT / "bot/endpoints.yml"))
    app = rasa.core.run.configure_app(channels, enable_api=False, endpoints=endpoints)
    app.config.REQUEST_MAX_SIZE = 200_000
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = 2.0  # what is still written when the turns are over
    front: FrontChannel = channels[0]

    async def refuse(request: Request) -> HTTPResponse | None:
        # Rasa adds a page of its own at the root.
        return None if request.path.startswith("/webhooks/front/") else empty(404)

    async def load(app: Sanic, loop: AbstractEventLoop) -> None:
        agent = await rasa.core.run.load_agent_on_start(str(model), endpoints, None, app, loop)
        app.ctx.agent = None  # not healthy before it is warm
        await warm(agent)
        app.ctx.agent = agent

    async def tell(app: Sanic, loop: AbstractEventLoop) -> None:
        print("ready", flush=True)

    async def finish(app: Sanic, loop: AbstractEventLoop) -> None:
        # A second signal would end the loop while turns are still finished: supervisors and service
        # managers send one each.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        await front.drain(max(1.0, float(os.environ.get("ZHIXIN_STOP_WITHIN_S") or 10) - _FOR_CLOSING_S))

    async def release(app: Sanic, loop: AbstractEventLoop) -> None:
        agent = getattr(app.ctx, "agent", None)
        if agent is not None:
            await rasa.core.run.close_resources(app, loop)
            await agent.action_endpoint.close()
            agent.tracker_store.close()

    app.register_middleware(refuse, "request")
    app.register_listener(load, "before_server_start")
    app.register_listener(tell, "after_server_start")
    app.register_listener(finish, "before_server_stop")
    app.register_listener(release, "after_server_stop")
    app.run(host=host, port=port, workers=1, access_log=False, motd=False)


async def warm(agent: Agent) -> None:
    """Put our own parts in place and pay every lazy cost.

    Raises:
        StartError: the model or the tracker store could not be loaded.
    """
    from rasa.core.tracker_store import FailSafeTrackerStore

    from bot.components.action_endpoint import ActionEndpoint
    from bot.components.temperament import shared_reader
    from bot.components.tracker_store import BoundedTrackerStore

    if not agent.is_ready():
        raise StartError("Rasa could not load the model; its message is above")
    store: Any = agent.tracker_store
    # Rasa wraps the store in one that falls back to memory when the database fails, and so forgets
    # silently. A turn that cannot be stored has failed.
    while isinstance(store, FailSafeTrackerStore):
        store = store._tracker_store
    if not isinstance(store, BoundedTrackerStore):
        raise StartError("the tracker store could not be made; Rasa's message is above")
    store.domain = agent.domain
    agent.tracker_store = agent.processor.tracker_store = store
    endpoint = ActionEndpoint.like(agent.action_endpoint)
    agent.action_endpoint = agent.processor.action_endpoint = endpoint
    shared_reader().warm()
    for _ in range(3):
        await agent.parse_message(_WARM_UP)
    gc.collect()
    gc.freeze()  # the model and the libraries stay: no need to search them for garbage ever again


def main(arguments: list[str] | None = None) -> int:
    """Run the process; return its exit code."""
    parser = argparse.ArgumentParser(description="Serve the trained Rasa model to the front.")
    parser.add_argument("--model", type=Path, help="default: the model that fits the training inputs of now")
    given = parser.parse_args(arguments)
    configure_logging(os.environ.get("ZHIXIN_LOG_LEVEL") or "INFO", whole_process=True)
    metrics.tell_build("rasa")
    try:
        prepare_environment(os.environ)
        model = given.model or current_model(Path(os.environ.get("ZHIXIN_MODEL_DIR") or "models"))
        if model is None or not model.is_file():
            raise StartError("no model fits the training inputs: run `zhixin train`")
        port = int(os.environ.get("ZHIXIN_RASA_PORT") or 5005)
        serve(model, port, os.environ.get("ZHIXIN_INNER_HOST") or "127.0.0.1")
    except StartError as exc:
        logger.error("%s", exc)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
