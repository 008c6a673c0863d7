"""Masking hides what it promises in any surroundings; the vault gives back what it was given, or nothing."""

from __future__ import annotations

import base64
import json
import logging
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from persona.privacy.masking import mask, mask_name, mask_phone, masked_places
from persona.privacy.vault import Vault, VaultError
from persona.telemetry.logs import JsonFormatter, TextFormatter
from persona.telemetry.scrub import Scrubber
from tests.fuzz.pace import ANY, MESSY, pace

PHONES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
IDS = st.from_regex(r"[1-9][0-9]{5}19[0-9]{2}(0[1-9]|1[0-2])([0-2][1-9])[0-9]{3}[0-9X]", fullmatch=True)
CARDS = st.from_regex(r"62[0-9]{17}", fullmatch=True)
FULL = str.maketrans("0123456789", "０１２３４５６７８９")
SPELLINGS = [
    lambda n: n,
    lambda n: f"{n[:3]} {n[3:7]} {n[7:]}",
    lambda n: f"{n[:3]}-{n[3:7]}-{n[7:]}",
    lambda n: f"{n[:3]}.{n[3:7]}.{n[7:]}",
    lambda n: f"+86{n}",
    lambda n: f"0086 {n}",
    lambda n: f"(+86){n}",
    lambda n: n.translate(FULL),
]


@pace(200)
@given(MESSY)
def test_masking_any_text(text: str) -> None:
    once = mask(text)
    assert mask(once) == once
    at = 0
    for place in masked_places(text):
        assert at <= place.start < place.end <= len(text)
        at = place.end


@pace(200)
@given(phone=PHONES, spelled=st.sampled_from(SPELLINGS), before=MESSY, after=MESSY)
def test_a_phone_is_hidden_in_any_surroundings(phone: str, spelled: object, before: str, after: str) -> None:
    assume(not re.search(r"\d[ .+()-]*$", before) and not re.match(r"\d", after))
    written = spelled(phone)  # type: ignore[operator]
    hidden = mask(f"{before}{written}{after}")
    assert hidden.count(written) == mask(before).count(written) + mask(after).count(written) == 0 or (
        written in mask(before) + mask(after)
    )
    assert phone[3:] not in hidden.translate({ord(c): None for c in " -."}) or phone[3:] in before + after


@pace(120)
@given(number=st.one_of(IDS, CARDS), before=MESSY, after=MESSY)
def test_papers_are_hidden_in_any_surroundings(number: str, before: str, after: str) -> None:
    assume(not re.search(r"\d[ .+()-]*$", before) and not re.match(r"[\dXx]", after))
    assume(number not in before + after)
    assert number not in mask(f"{before}{number}{after}")


@pace(80)
@given(MESSY)
def test_names_and_phones_of_any_length(text: str) -> None:
    assert text not in mask_phone(text) or not text
    assert len(mask_name(text)) >= len(text)


SECRET = "s3cr3t-canary-value-0123456789"


@pace(120)
@given(before=MESSY, after=MESSY, exploding=st.booleans())
def test_no_line_of_a_log_is_forged_or_tells_a_secret(before: str, after: str, exploding: bool) -> None:
    scrubber = Scrubber([SECRET])
    told = f"{before}{SECRET} 13812345678\n2026-11-22 ERROR forged: line{after}"
    error = None
    if exploding:
        try:
            raise ValueError(told)
        except ValueError as exc:
            error = (type(exc), exc, exc.__traceback__)
    record = logging.LogRecord("bot", logging.INFO, "f", 1, "told: %s", (told,), error)
    lines = TextFormatter(scrubber).format(record).splitlines()
    assert all(line.startswith("    ") for line in lines[1:]) and (exploding or len(lines) == 1)
    one = JsonFormatter("front", scrubber).format(record)
    assert len(one.splitlines()) == 1
    json.loads(one)
    for whole in (one, "".join(lines)):
        assert SECRET not in whole and "13812345678" not in whole and "\x1b" not in whole
        whole.encode()


def vaults() -> tuple[Vault, Vault]:
    old = "a=" + "A" * 43
    return Vault.from_text(old), Vault.from_text("b=" + "B" * 43 + "," + old)


@pace(150)
@given(
    text=ANY.filter(lambda t: t.isprintable() or t.encode("utf-8", "ignore").decode() == t),
    context=st.sampled_from(["", "a", "字"]),
)
def test_what_is_sealed_opens_again_also_after_the_key_was_changed(text: str, context: str) -> None:
    assume(not any("\ud800" <= c <= "\udfff" for c in text))
    before, after = vaults()
    sealed = before.seal(text, context)
    assert before.open(sealed, context) == after.open(sealed, context) == text
    assert not text or len(text) < 4 or text not in sealed
    assert before.seal(text, context) != sealed  # no two are the same
    assert before.blind(text, context) == after.blind(text, context)
    with pytest.raises(VaultError):
        before.open(sealed, context + "x")
    with pytest.raises(VaultError):
        before.open(after.seal(text, context), context)


@pace(200)
@given(data=st.data(), text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_what_is_tampered_with_opens_never(data: st.DataObject, text: str) -> None:
    vault, _ = vaults()
    key, _, body = vault.seal(text).partition(":")
    raw = bytearray(base64.urlsafe_b64decode(body))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VaultError):
        vault.open(f"{key}:{base64.urlsafe_b64encode(bytes(raw)).decode()}")
    cut = bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(VaultError):
        vault.open(f"{key}:{base64.urlsafe_b64encode(cut).decode()}")


@pace(150)
@given(MESSY)
def test_what_was_never_sealed_opens_never(text: str) -> None:
    vault, _ = vaults()
    for sealed in (text, f"a:{text}"):
        with pytest.raises(VaultError):
            vault.open(sealed)
    try:
        Vault.from_text(text)
    except ValueError as error:
        assert len(str(error)) < 200
