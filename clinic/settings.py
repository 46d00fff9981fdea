"""Every setting of the product. What differs between installations comes from the environment, each variable
checked for its type; CLINIC_MODE says whether this is the demo, a test run or production, and production
accepts no default secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy

from clinic.environment import SettingRefused, process_environment
from clinic.local import places
from clinic.mail_providers import MAIL_PROVIDERS, mail_provider

BASE_DIR = Path(__file__).resolve().parent.parent
DEMO_PASSWORD = "alder-and-birch"  # noqa: S105 - of fictional people; made only by load_demo
DEMO_SECRET = "the-demo-runs-on-one-machine-and-keeps-no-secret"  # noqa: S105 - refused in production

try:
    _env = process_environment(BASE_DIR)
    CLINIC_MODE = _env.text("CLINIC_MODE", "production", one_of=("demo", "test", "production"))
    _production = CLINIC_MODE == "production"
    _demo = CLINIC_MODE == "demo"
    _here = places.of_this_checkout(BASE_DIR)

    def _outside_production(value: str) -> str | None:
        """A default that production does not have: there the variable must be set."""
        return None if _production else value

    # -- secrets and addresses
    # ---------------------------------------------------------------------------------------
    SECRET_KEY = _env.secret("SECRET_KEY", _outside_production(DEMO_SECRET))
    SECRET_KEY_FALLBACKS = _env.words("SECRET_KEY_FALLBACKS")
    _port = _env.integer("PORT", 8000, least=1, most=65535)
    SITE_URL = _env.origin("SITE_URL", _outside_production(f"http://localhost:{_port}"))
    ALLOWED_HOSTS = _env.words(
        "ALLOWED_HOSTS",
        (
            str(urlsplit(SITE_URL).hostname),
            *(() if _production else ("localhost", "127.0.0.1", "[::1]", "testserver")),
        ),
    )
    _https = SITE_URL.startswith("https://")
    if _production and not _https:
        raise SettingRefused("SITE_URL", "must begin with https:// in production.")
    if _production and (SECRET_KEY == DEMO_SECRET or len(SECRET_KEY) < 50):
        raise SettingRefused("SECRET_KEY", "must be your own and at least 50 characters long in production.")
    # The first seals, each opens. Without keys of their own they hang on SECRET_KEY and those before it.
    SECOND_FACTOR_KEYS = [
        one.strip() for one in _env.secret("SECOND_FACTOR_KEYS", "").split(",") if one.strip()
    ]
    if any(len(one) < 32 for one in SECOND_FACTOR_KEYS):
        raise SettingRefused("SECOND_FACTOR_KEYS", "must each be at least 32 characters long.")
    SECOND_FACTOR_KEYS = SECOND_FACTOR_KEYS or [SECRET_KEY, *SECRET_KEY_FALLBACKS]

    # -- the services
    # ------------------------------------------------------------------------------------------------
    DATABASES: dict[str, dict[str, Any]] = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            **_env.database("DATABASE_URL", _outside_production(_here.database_url)),
            # No pool: Celery closes Django's at every task (celery/celery#10554). No server-side cursors and
            # no other state that outlives a transaction, so that a pool in front of PostgreSQL may hand
            # connections round.
            "CONN_MAX_AGE": _env.integer("DATABASE_CONNECTION_SECONDS", 60, least=0, most=3600),
            "CONN_HEALTH_CHECKS": True,
            "DISABLE_SERVER_SIDE_CURSORS": True,
            "ATOMIC_REQUESTS": False,
        }
    }
    REDIS_URL = _env.redis("REDIS_URL", _outside_production(_here.redis_url))
    # The demo's mail sink takes whichever port is free and leaves its number behind.
    _sink_port = _here.smtp_port_file.read_text().strip() if _here.smtp_port_file.is_file() else "1025"
    _mail = _env.email("EMAIL_URL", _outside_production(f"smtp://127.0.0.1:{_sink_port}"))
    EMAIL_HOST = _mail["EMAIL_HOST"]
    EMAIL_PORT = _mail["EMAIL_PORT"]
    EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"]
    EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS = _mail["EMAIL_USE_TLS"]
    EMAIL_USE_SSL = _mail["EMAIL_USE_SSL"]
    EMAIL_TIMEOUT = _mail["EMAIL_TIMEOUT"]
    # A provider's own interface instead of SMTP: it tells afterwards what became of a mail.
    MAIL_PROVIDER = _env.text("MAIL_PROVIDER", "smtp", one_of=("smtp", *MAIL_PROVIDERS))
    EMAIL_BACKEND, ANYMAIL = mail_provider(
        MAIL_PROVIDER,
        key=_env.secret("MAIL_PROVIDER_KEY", None if MAIL_PROVIDER != "smtp" else ""),
        hook_secret=_env.secret("MAIL_HOOK_SECRET", ""),
        domain=_env.text("MAIL_PROVIDER_DOMAIN", ""),
        url=_env.text("MAIL_PROVIDER_URL", ""),
        timeout=float(str(EMAIL_TIMEOUT)),
    )
    DEFAULT_FROM_EMAIL = _env.text("MAIL_FROM", _outside_production("clinic@localhost"))
    # Where the demo's sink keeps what was sent, as a Maildir; read by /demo/mail.
    DEMO_MAIL_DIR = Path(_env.text("DEMO_MAIL_DIR", str(_here.mail)))
    # Texts, by HTTP as Twilio shapes it. Without an address none are sent, whoever has agreed to them.
    TEXT_URL = _env.text("TEXT_URL", "") and _env.origin("TEXT_URL", "")
    TEXT_ACCOUNT = _env.text("TEXT_ACCOUNT", "")
    TEXT_TOKEN = _env.secret("TEXT_TOKEN", "")
    # no: the provider's list can't be asked what became of a text whose answer was lost.
    TEXT_LOOK_UP = _env.boolean("TEXT_LOOK_UP", True)
    TEXT_TIMEOUT_SECONDS = _env.integer("TEXT_TIMEOUT_SECONDS", 10, least=1, most=30)
    # How long a worker may hold what it is sending; whoever died gives it up after that.
    MESSAGE_LEASE_SECONDS = _env.integer("MESSAGE_LEASE_SECONDS", 120, least=5, most=900)
    if TEXT_URL and MESSAGE_LEASE_SECONDS < 2 * TEXT_TIMEOUT_SECONDS:
        raise SettingRefused("MESSAGE_LEASE_SECONDS", "must be at least twice TEXT_TIMEOUT_SECONDS.")
    if TEXT_URL and _production and not (TEXT_ACCOUNT and TEXT_TOKEN and TEXT_URL.startswith("https://")):
        raise SettingRefused("TEXT_URL", "must begin with https:// and needs TEXT_ACCOUNT and TEXT_TOKEN.")
    # How far the database's clock may leave the worker's between two turns of the loop before what is due is
    # held. 5 minutes: what a secured network allows two clocks to differ by (Kerberos' default).
    CLOCK_JUMP_SECONDS = _env.integer("CLOCK_JUMP_SECONDS", 300, least=30, most=3600)
    # Who runs the installation, told by mail of what only they can mend.
    ALARM_MAIL = _env.words("ALARM_MAIL")
    # Where the demo's gateway keeps what was sent; read by /demo/mail.
    DEMO_TEXT_DIR = Path(_env.text("DEMO_TEXT_DIR", str(_here.texts)))
    TRUST_FORWARDED_PROTO = _env.boolean("TRUST_FORWARDED_PROTO", False)
    _proxies = _env.integer("TRUSTED_PROXIES", 0, least=0, most=9)
    SECOND_FACTOR = _env.text(
        "SECOND_FACTOR", "required" if _production else "optional", one_of=("required", "optional")
    )
    _log_level = _env.text("LOG_LEVEL", "INFO", one_of=("DEBUG", "INFO", "WARNING", "ERROR"))
except SettingRefused as error:
    _hint = " Without CLINIC_MODE this is production; for a try-out run `make demo`, or set CLINIC_MODE=demo."
    raise ImproperlyConfigured(f"{error}{_hint}") from error

DEBUG = False  # In every mode: a debug page shows the patient it failed on.
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# -- applications
# ------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "clinic",
    "protocols",
    "sessions.apps.SessionsConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "clinic.web.quiet_forms.QuietFormsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "clinic.second_factor.SecondFactorMiddleware",
    "clinic.web.context.WallClockMiddleware",
    "clinic.web.refusals.RefusalMiddleware",
]
ROOT_URLCONF = "clinic.urls"
WSGI_APPLICATION = "clinic.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Ours before allauth's, whatever the order of the applications.
        "DIRS": [BASE_DIR / "clinic" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "clinic.web.context.house",
            ],
        },
    }
]

# -- people and sign-in
# ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "clinic.Person"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # The address is unique by Lower(), which this check does not see.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_ADAPTER = "clinic.web.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # An administrator enters the address; nobody signs up.
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
MFA_ADAPTER = "clinic.second_factor.SealedFactors"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Clinic"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # An administrator entered the address; allauth has nothing to verify.
# Tries are counted by the address they come from: behind a proxy all would seem to come from one.
ALLAUTH_TRUSTED_PROXY_COUNT = _proxies
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if CLINIC_MODE == "test":
    PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # Hundreds of people are made in a run.
    ACCOUNT_RATE_LIMITS = False

# -- the browser
# -------------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"  # Django's CSRF check needs it; patients' pages say nothing at all.
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # The container's own probe speaks plain http.
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
if TRUST_FORWARDED_PROTO:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_FAILURE_VIEW = "clinic.web.broken.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = (
    "__Host-signin" if _https else f"signin-{_port}"
)  # Cookies ignore ports; two demos must not.
CSRF_COOKIE_NAME = "__Host-csrf" if _https else f"csrf-{_port}"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# -- languages and time
# ------------------------------------------------------------------------------------------------
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", gettext_lazy("English"))]
LOCALE_PATHS = [BASE_DIR / "clinic" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"  # Each clinic has its own; see Clinic.zone.

# -- files and cache
# ---------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(_env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if CLINIC_MODE == "test"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Without hashed names in a test run, files come straight from the applications.
WHITENOISE_USE_FINDERS = CLINIC_MODE == "test"
WHITENOISE_AUTOREFRESH = CLINIC_MODE == "test"
# In PostgreSQL, where every process sees the same counts of failed sign-ins, also when Redis is gone.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "clinic_cache",
        # Beyond this the cache throws counts away; many made-up addresses must not bring that about.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# -- the API
# -----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "clinic.api.problems.handle",
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Session protocol manager",
    "DESCRIPTION": "The same operations and reads as the pages, for other programs.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
}

# -- time-driven work
# -------------------------------------------------------------------------------------------------- Celery
# carries ticks and nothing else: what is due stands in PostgreSQL, so a message lost with Redis costs a
# second. kombu spells a socket's address in its own way.
CELERY_BROKER_URL = (
    "redis+socket://" + REDIS_URL.removeprefix("unix://").replace("?db=", "?virtual_host=")
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 50  # A task drains for at most 25 s and stops by itself.
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "clinic"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 5000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # kB
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30.0 if _production else 3.0
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
# `expires`: ticks that piled up while no worker ran are worth nothing; the next one does all the work.
CELERY_BEAT_SCHEDULE = {
    "send due messages": {
        "task": "clinic.tasks.send_due_messages",
        "schedule": 1.0,
        "options": {"expires": 5},
    },
    "refresh due courses": {
        "task": "sessions.tasks.refresh_due_courses",
        "schedule": 1.0,
        "options": {"expires": 5},
    },
    "escalate due tasks": {
        "task": "sessions.tasks.escalate_due_tasks",
        "schedule": 1.0,
        "options": {"expires": 5},
    },
    "keep concerns heard": {
        "task": "sessions.tasks.keep_concerns_heard",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "sweep": {"task": "clinic.tasks.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "prove": {"task": "clinic.tasks.prove", "schedule": 3600.0, "options": {"expires": 600}},
}

# -- logging
# -----------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "masked": {
            "()": "clinic.logs.MaskingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "masked"}},
    "root": {"handlers": ["stderr"], "level": _log_level},
    # Django's own handlers would print the same lines unmasked, or mail them.
    "loggers": {
        "django": {"handlers": [], "level": _log_level, "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        "celery.app.trace": {"level": "WARNING"},  # Two lines a second, all saying "succeeded".
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "mail.log": {"level": "WARNING"},  # The demo's and the tests' mail server tells of every connection.
    },
}
