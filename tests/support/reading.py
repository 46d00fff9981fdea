"""How hard a text is to read, by the formula of its own language; words in, a number out. Where formulas and
limits come from stands in docs/reading-age.md.

Syllables are counted by groups of vowels, as programs for these formulas do; it errs by a few per cent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

OLDEST_READER = 11
# The hardest that each language's formula may find, and how long one sentence may be.
MOST_GRADE = {"en": OLDEST_READER - 5, "de": OLDEST_READER - 5}
LEAST_EASE = {"es": 65.0, "fr": 80.0}
MOST_WORDS = 25
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")
_VOWELS = {
    "en": re.compile(r"[aeiouy]+"),
    "de": re.compile(r"(?:ei|ie|ai|au|eu|äu|ee|aa|oo|[aeiouyäöü])"),
    "es": re.compile(r"[aeiouáéíóúü]+"),
    "fr": re.compile(r"[aeiouyàâäéèêëîïôöùûüœ]+"),
}


def sentences(text: str) -> list[str]:
    """Ends of lines end a sentence too: a heading has no full stop."""
    parts = re.split(r"[.!?:;]+[\s»”]+|\n+", re.sub(r"https?://\S+|%\(\w+\)[sd]|\{\w+\}", "", text + "\n"))
    return [part for part in parts if _WORD.search(part)]


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def syllables(word: str, language: str) -> int:
    plain = word.casefold()
    count = len(_VOWELS[language].findall(plain))
    if language == "en" and len(plain) > 2 and re.search(r"[^aeiouyl]e$|[^aeiouy]les?$|[^aeioudt]ed$", plain):
        count -= 0 if re.search(r"[^aeiouy]le$", plain) else 1
    if language == "fr" and len(plain) > 3 and re.search(r"[^aeiouyéèê]e(s|nt)?$", plain):
        count -= 1
    return max(1, count)


def _measures(text: str, language: str) -> tuple[float, float, list[str]]:
    """Words per sentence, syllables per word, the words."""
    found = words(text)
    parts = sentences(text)
    return (
        len(found) / max(1, len(parts)),
        sum(syllables(word, language) for word in found) / max(1, len(found)),
        found,
    )


def hardness(text: str, language: str) -> float:
    """How far the text is beyond what is allowed, on the scale of its language; 0 or less is allowed."""
    per_sentence, per_word, found = _measures(text, language)
    if language == "en":
        return 0.39 * per_sentence + 11.8 * per_word - 15.59 - MOST_GRADE["en"]
    if language == "de":
        share = 100 / max(1, len(found))
        long = share * sum(syllables(word, "de") >= 3 for word in found)
        short = share * sum(syllables(word, "de") == 1 for word in found)
        letters = share * sum(len(word) > 6 for word in found)
        grade = 0.1935 * long + 0.1672 * per_sentence + 0.1297 * letters - 0.0327 * short - 0.875
        return grade - MOST_GRADE["de"]
    if language == "es":
        return LEAST_EASE["es"] - (206.835 - 62.3 * per_word - per_sentence)
    return LEAST_EASE["fr"] - (207 - 1.015 * per_sentence - 73.6 * per_word)


def long_sentences(texts: Iterable[str]) -> list[str]:
    return [one for text in texts for one in sentences(text) if len(words(one)) > MOST_WORDS]
