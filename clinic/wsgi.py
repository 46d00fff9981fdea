"""What the web server calls."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")

application = get_wsgi_application()

# What is loaded by now stays: the collector need not look through it at every turn, nor come as often as it
# does where values are few. One page can ask the engine for tens of thousands.
gc.freeze()
gc.set_threshold(10_000, 20, 20)
