"""``zhixin chat``: a shopper's conversation in the terminal, over the front's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from bot.app.output import CommandError, say
from bot.app.settings import Secrets, load

if TYPE_CHECKING:
    from bot.app.client import ChatSession


def chat(
    customer: str = typer.Option("", "--as", help="Log in as this customer of the shop."),
    reading: bool = typer.Option(False, "--reading", help="Show the reading of each turn (demo mode)."),
    url: str = typer.Option("", help="The front's address; default: that of the settings."),
) -> None:
    """Chat with the running stack. A number taps a button; /quit (or Ctrl-D) ends."""
    from bot.app.client import ApiError, ChatSession, FrontClient, FrontUnreachableError
    from bot.app.tokens import sign

    settings = load(secrets=Secrets.READ if customer else Secrets.SKIP)
    client = FrontClient(url or settings.front_url)
    try:
        session = ChatSession.open(client, sign(settings, customer) if customer else None)
    except FrontUnreachableError as exc:
        address = url or settings.front_url
        raise CommandError(
            f"nobody answers at {address}: start the stack with `zhixin run` in another terminal"
        ) from exc
    except ApiError as exc:
        raise CommandError(f"the front refused the conversation: {_reason(exc.body)}") from exc
    try:
        _talk(session, show_reading=reading)
    except FrontUnreachableError as exc:
        raise CommandError(
            "the stack has stopped; what was sent and stored will be answered when it runs again"
        ) from exc
    finally:
        client.close()


def _talk(session: ChatSession, *, show_reading: bool) -> None:
    from bot.app.client import ApiError, buttons_of

    offered = _show(session.replies)
    while True:
        try:
            typed = input("您> ").strip()
        except EOFError:
            say("")
            return
        if typed in {"/quit", "/q", "/exit"}:
            return
        if not typed:
            continue
        try:
            number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 3 else 0
            if 1 <= number <= len(offered):
                session.tap(offered[number - 1])
            else:
                session.say(typed)
        except ApiError as exc:
            say(f"  ! {_reason(exc.body)}")
            continue
        offered = _show(session.replies) if buttons_of(session.replies) else _show(session.replies) or offered
        if show_reading:
            _show_reading(session)


def _show(replies: list[dict[str, Any]]) -> list[str]:
    """Print replies and return the ids of the buttons, in the order of their printed numbers."""
    ids: list[str] = []
    for reply in replies:
        mark = "·" if reply.get("type") == "notice" else "知心>"
        if reply.get("text"):
            say(f"{mark} {reply['text']}")
        for button in reply.get("buttons") or ():
            ids.append(str(button["id"]))
            say(f"     [{len(ids)}] {button['title']}")
    return ids


def _show_reading(session: ChatSession) -> None:
    from bot.app.client import ApiError

    try:
        found = session.reading()
    except ApiError as exc:
        say(f"  (no reading: {_reason(exc.body)})")
        return
    reading = found["reading"]
    if reading is None:
        say(
            "  (no reading yet)"
            if found["personalisation"]
            else "  (personalisation is off: no style is read)"
        )
        return
    shares = "  ".join(f"{name} {share:.2f}" for name, share in reading["probabilities"].items())
    say(f"  (served {found['style']}; {shares}; mood {reading['mood']}; intent {_intent(found['intent'])})")
    for item in reading["evidence"]:
        words = f"“{item['text']}”" if item["text"] else "history"
        say(f"    {item['type']:>8} {item['weight']:+.2f}  {item['cue']}  {words}")


def _intent(intent: Any) -> str:
    return f"{intent['name']} {intent['confidence']:.2f}" if intent else "none"


def _reason(body: Any) -> str:
    if isinstance(body, dict):
        error = body.get("error", body)
        if isinstance(error, dict):
            return str(error.get("message") or error.get("code") or error)
        return str(body.get("message") or error)
    return str(body)
