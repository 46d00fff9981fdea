"""What somebody who answers a text means by one word: stop, start again, or help.

Only an answer that is nothing but such a word counts. "I can't stop crying" is for a person to read.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum


class TextWord(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"


# The English ones are those that US carriers and the FCC ask for; the others are what people write in the
# languages shipped.
_WORDS = {
    TextWord.STOP: (
        *("stop", "stopall", "quit", "end", "revoke", "optout", "cancel", "unsubscribe", "remove", "nomore"),
        *("stopp", "abmelden", "abbestellen", "abbrechen", "beenden", "ende", "aufhoren", "keinemehr"),
        *("alto", "parar", "baja", "dardebaja", "cancelar", "detener", "terminar", "basta", "fin", "nomas"),
        *("arret", "arreter", "arretez", "stopper", "desabonner", "desinscrire", "annuler", "plusde"),
    ),
    TextWord.START: ("start", "unstop", "optin", "subscribe", "anmelden", "alta", "reprendre"),
    TextWord.HELP: ("help", "info", "hilfe", "ayuda", "aide"),
}
_MEANING = {word: meaning for meaning, words in _WORDS.items() for word in words}
# What people add without changing what they ask.
_ADDED = frozenset(
    (
        *("please", "pls", "thanks", "thank", "you", "all", "these", "the", "your", "my", "me", "us", "now"),
        *("texting", "texts", "text", "messages", "messaging", "message", "sending", "sms"),
        *("bitte", "danke", "nachrichten", "por", "favor", "gracias", "mensajes", "svp", "merci"),
    )
)


def word_in(body: str) -> TextWord | None:
    """In any case, with any spaces and punctuation: `S.T.O.P`, `Opt-out!`, `please stop texting me`."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", body).casefold()
        if not unicodedata.combining(letter)
    )
    words = "".join(letter if letter.isalnum() else " " for letter in plain).split()
    asked = "".join(word for word in words if word not in _ADDED) or "".join(words)
    return _MEANING.get(asked)
