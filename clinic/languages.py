"""The languages in which a patient may read, and what they are called."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

NAMES = {
    "en": gettext_lazy("English"),
    "es": gettext_lazy("Spanish"),
    "de": gettext_lazy("German"),
    "fr": gettext_lazy("French"),
}
