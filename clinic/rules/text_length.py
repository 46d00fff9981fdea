"""How long a text message is as the network counts it: GSM 03.38 where every character is in its alphabet,
else UCS-2. One curly quote makes 160 characters 70."""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # each takes two places
ONE_TEXT = 160
_PART, _UCS2_ONE, _UCS2_PART = 153, 70, 67


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLength:
    units: int
    parts: int
    gsm: bool
    foreign: tuple[str, ...]  # the characters that are not in the alphabet

    @property
    def fits(self) -> bool:
        return self.gsm and self.units <= ONE_TEXT


def text_length(text: str) -> TextLength:
    foreign = tuple(sorted({one for one in text if one not in _BASIC and one not in _EXTENDED}))
    if foreign:
        units = len(text.encode("utf-16-le")) // 2
        return TextLength(units=units, parts=_parts(units, _UCS2_ONE, _UCS2_PART), gsm=False, foreign=foreign)
    units = sum(2 if one in _EXTENDED else 1 for one in text)
    return TextLength(units=units, parts=_parts(units, ONE_TEXT, _PART), gsm=True, foreign=())


def _parts(units: int, one: int, part: int) -> int:
    return 1 if units <= one else -(-units // part)
