"""Masks personal data in text that leaves the record: logs, exports, errors."""

from __future__ import annotations

import logging
import re

_PHONE = re.compile(r"(?<!\d)(1[3-9]\d)[ -]?\d{4}[ -]?(\d{4})(?!\d)")
_ID_CARD = re.compile(r"(?<!\d)(\d{4})\d{10}(\d{3}[\dXx])(?!\d)")
_BANK_CARD = re.compile(r"(?<!\d)(\d{4})\d{8,11}(\d{4})(?!\d)")
_MAIL = re.compile(r"\b([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_ADDRESS = re.compile(
    r"[\u4e00-\u9fff]{2,}(?:省|市|区|县|镇|乡)[\u4e00-\u9fffA-Za-z0-9 -]{0,30}?"
    r"(?:路|街|巷|弄|村|苑|小区|花园|大厦|广场)[\u4e00-\u9fffA-Za-z0-9#-]{0,20}"
)
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def mask(text: str) -> str:
    """Return `text` with phones, identity and bank numbers, mail, street addresses and tokens masked."""
    text = _TOKEN.sub("[token]", text)
    text = _PHONE.sub(r"\1****\2", text)
    text = _ID_CARD.sub(r"\1**********\2", text)
    text = _BANK_CARD.sub(r"\1********\2", text)
    text = _MAIL.sub(r"\1***@\2", text)
    return _ADDRESS.sub("[地址]", text)


def mask_phone(phone: str) -> str:
    """Return a phone as it may be shown: 138****1234."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else "****"


def mask_name(name: str) -> str:
    """Return a name as it may be shown: 林*, 欧阳**."""
    return name[:1] + "*" * max(1, len(name) - 1) if name else ""


class MaskingFilter(logging.Filter):
    """A logging filter that masks personal data in the finished message and its exception text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask in place; never drops a record."""
        record.msg = mask(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask(record.exc_text)
        return True
