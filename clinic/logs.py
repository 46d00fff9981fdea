"""Log lines without clinical or personal data: a patient's link and the values PostgreSQL quotes in errors
are masked."""

from __future__ import annotations

import logging
import re

# A patient's link is a secret: whoever reads the log must not be able to open it.
_LINK = re.compile(r"(/[pv]/)[^/\s\"'?]+")
# "DETAIL: Key (email)=(…) already exists." and "Failing row contains (…)" quote the row.
_DETAIL = re.compile(
    r"^(?:DETAIL|CONTEXT|LINE \d+):.*?(?=^\S*(?:Traceback|The above|During handling|HINT:)|\n\n|\Z)",
    re.M | re.S,
)


def mask(text: str) -> str:
    return _DETAIL.sub("DETAIL: [masked]", _LINK.sub(r"\1[masked]", text))


class MaskingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))
