"""Backline's settings. Each value comes from the environment or `.env`, and docs/settings.md lists them.

This is one file despite its length, so that operators find every setting in one place.
"""

from __future__ import annotations

import logging
import os
import sys
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
from corsheaders.defaults import default_headers
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.utils.csp import CSP
from environs import Env

from config import dev_keys
from config.secret import Secret

django_stubs_ext.monkeypatch()  # generics such as ModelAdmin[User] exist for type checkers only

BASE_DIR = Path(__file__).resolve().parent.parent

VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

env = Env()
# ENV_FILE exists for tests and for running two installations from one checkout.
env.read_env(os.environ.get("ENV_FILE", str(BASE_DIR / ".env")), recurse=False)


def origin_of(url: str) -> str:
    """Return `scheme://host[:port]` of a URL, as browsers send it in `Origin`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def normalized(url: str) -> str:
    """Return a URL as browsers write it: host in lower case, no default port, no trailing slash."""
    parts = urlsplit(url.strip())
    default = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    netloc = parts.netloc.lower().removesuffix(default) if default else parts.netloc
    return parts._replace(netloc=netloc).geturl().rstrip("/")


# --- Where we run -----------------------------------------------------------------------------------------

ENVIRONMENT = env.str("ENVIRONMENT", "development")
if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured("ENVIRONMENT must be `development` or `production`.")
PRODUCTION = ENVIRONMENT == "production"
DEBUG = False  # tracebacks go to the log, never to a page, in development too

API_PORT = env.int("API_PORT", 1337)
BOT_API_PORT = env.int("BOT_API_PORT", 1338)
SANDBOX_PORT = env.int("SANDBOX_PORT", 1339)
BIND_HOST = env.str("BIND_HOST", "127.0.0.1")
API_BASE_URL = normalized(env.str("API_BASE_URL", f"http://127.0.0.1:{API_PORT}"))
FRONTEND_URL = normalized(env.str("FRONTEND_URL", API_BASE_URL))
BOT_INTERNAL_API_URL = env.str("BOT_INTERNAL_API_URL", f"http://127.0.0.1:{BOT_API_PORT}").rstrip("/")

# --- Discord, or the sandbox ------------------------------------------------------------------------------

DISCORD_CLIENT_ID = env.str("DISCORD_CLIENT_ID", "")
DISCORD_CLIENT_SECRET = Secret(env.str("DISCORD_CLIENT_SECRET", ""))
DISCORD_BOT_TOKEN = Secret(env.str("DISCORD_BOT_TOKEN", ""))
DISCORD_REDIRECT_URI = env.str("DISCORD_REDIRECT_URI", f"{API_BASE_URL}/api/auth/discord/callback")

# Redirect URIs that POST /api/auth/discord/exchange accepts, for clients that receive the code themselves.
EXCHANGE_REDIRECT_URIS = env.list("EXCHANGE_REDIRECT_URIS", [DISCORD_REDIRECT_URI])

_discord = {
    "DISCORD_CLIENT_ID": DISCORD_CLIENT_ID,
    "DISCORD_CLIENT_SECRET": DISCORD_CLIENT_SECRET,
    "DISCORD_BOT_TOKEN": DISCORD_BOT_TOKEN,
}
_absent = [name for name, value in _discord.items() if not value]
SANDBOX = len(_absent) == len(_discord) and not PRODUCTION

DATA_DIR = env.path("DATA_DIR", BASE_DIR / "var").resolve()
if SANDBOX:
    DATA_DIR = DATA_DIR / "sandbox"  # invented people must never share a database with real ones
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds keys and sessions
SANDBOX_DIR = DATA_DIR / "discord"

if SANDBOX:
    from sandbox.credentials import load_or_create
    from sandbox.seed import OWNER as _SANDBOX_OWNER

    _sandbox = load_or_create(SANDBOX_DIR)
    DISCORD_CLIENT_ID = _sandbox.client_id
    DISCORD_CLIENT_SECRET = Secret(_sandbox.client_secret)
    DISCORD_BOT_TOKEN = Secret(_sandbox.bot_token)
    _sandbox_url = f"http://127.0.0.1:{SANDBOX_PORT}"
    DISCORD_API_URL = env.str("DISCORD_API_URL", f"{_sandbox_url}/api/v10").rstrip("/")
    DISCORD_AUTHORIZE_URL = env.str("DISCORD_AUTHORIZE_URL", f"{_sandbox_url}/oauth2/authorize")
    DISCORD_CDN_URL = env.str("DISCORD_CDN_URL", _sandbox_url).rstrip("/")
    DISCORD_CA_FILE: str = env.str("DISCORD_CA_FILE", str(_sandbox.ca_file))
else:
    DISCORD_API_URL = env.str("DISCORD_API_URL", "https://discord.com/api/v10").rstrip("/")
    DISCORD_AUTHORIZE_URL = env.str("DISCORD_AUTHORIZE_URL", "https://discord.com/oauth2/authorize")
    DISCORD_CDN_URL = env.str("DISCORD_CDN_URL", "https://cdn.discordapp.com").rstrip("/")
    DISCORD_CA_FILE = env.str("DISCORD_CA_FILE", "")
# What the bot's profile shows: nothing, a text, or with `track` the track that plays.
BOT_PRESENCE = env.str("BOT_PRESENCE", "").strip()
SANDBOX_URL = f"http://127.0.0.1:{SANDBOX_PORT}"

# By default only the sandbox's `owner` may open the Django admin.
ADMIN_DISCORD_IDS = set(env.list("ADMIN_DISCORD_IDS", [_SANDBOX_OWNER] if SANDBOX else []))

# --- Secrets ----------------------------------------------------------------------------------------------

_keys = {} if PRODUCTION else dev_keys.load_or_create(DATA_DIR)
SECRET_KEY = Secret(env.str("SECRET_KEY", _keys.get("SECRET_KEY", "")))
JWT_SECRET = Secret(env.str("JWT_SECRET", _keys.get("JWT_SECRET", "")))
FIELD_ENCRYPTION_KEYS = [
    Secret(key) for key in env.list("FIELD_ENCRYPTION_KEYS", [_keys.get("FIELD_ENCRYPTION_KEYS", "")])
]

# --- Without authentication, for development ---------------------------------------------------------------

REQUIRE_AUTH = env.bool("REQUIRE_AUTH", True)
# For a production installation that is still moving its clients to tokens.
ALLOW_ANONYMOUS_IN_PRODUCTION = env.bool("ALLOW_ANONYMOUS_IN_PRODUCTION", False)

# --- Lifetimes --------------------------------------------------------------------------------------------

SYNC_GRACE_SECONDS = env.int("SYNC_GRACE_SECONDS", 86_400)
ACCESS_TOKEN_SECONDS = env.int("ACCESS_TOKEN_SECONDS", 900)
REFRESH_TOKEN_SECONDS = env.int("REFRESH_TOKEN_SECONDS", 604_800)
# Not configurable: a shorter life would hide sync tokens issued earlier from the list of sessions.
SYNC_TOKEN_SECONDS = 30 * 24 * 3600
TOKEN_LEEWAY_SECONDS = 10  # allows for clocks that differ between machines

# --- Logs that clients write ------------------------------------------------------------------------------

STORES_AUTOCREATE = env.bool("STORES_AUTOCREATE", True)  # the first `init` of an `app:` store creates it
STORE_BYTES_PER_OWNER = env.int("STORE_BYTES_PER_OWNER", 1_000_000_000)  # these logs are never pruned
# What `prune_events` keeps of logs that have snapshots. 0 means no limit.
EVENT_RETENTION_DAYS = env.int("EVENT_RETENTION_DAYS", 90)
EVENT_RETENTION_COUNT = env.int("EVENT_RETENTION_COUNT", 100_000)

# --- Sockets ----------------------------------------------------------------------------------------------

# Per process, over all devices of a person. 0 means no limit.
SOCKETS_PER_PERSON = env.int("SOCKETS_PER_PERSON", 500)

# --- Streams ----------------------------------------------------------------------------------------------

STREAMS_AUTOCREATE = env.bool("STREAMS_AUTOCREATE", True)  # a producer creates a stream that does not exist
# The size of streams' logs, including stored pictures. A phone that raises an alert a minute reaches it in three years.
STREAM_BYTES_PER_OWNER = env.int("STREAM_BYTES_PER_OWNER", 1_000_000_000)

# --- Queues ---------------------------------------------------------------------------------------------

QUEUE_MAX_ITEMS = env.int("QUEUE_MAX_ITEMS", 10_000)  # per guild
PLAYLIST_MAX_TRACKS = env.int("PLAYLIST_MAX_TRACKS", 10_000)  # per playlist, and of a person's favorites
HISTORY_DAYS = env.int("HISTORY_DAYS", 365)  # 0 keeps all that was ever played

# --- Media ------------------------------------------------------------------------------------------------

MEDIA_LIBRARY = env.path("MEDIA_LIBRARY", DATA_DIR / "library").resolve()
# The encoding of tags that are not UTF-8 and cannot be detected: cp1251, shift_jis, …
LIBRARY_TAG_ENCODING = env.str("LIBRARY_TAG_ENCODING", "")
try:
    b"".decode(LIBRARY_TAG_ENCODING or "utf-8")
except LookupError as error:
    raise ImproperlyConfigured(f"LIBRARY_TAG_ENCODING: {error}") from error
try:
    ALLOW_PRIVATE_MEDIA = tuple(map(ip_network, env.list("ALLOW_PRIVATE_MEDIA", [])))
except ValueError as error:
    raise ImproperlyConfigured(f"ALLOW_PRIVATE_MEDIA: {error}") from error

# Files from Discord: the size of one, and of all that are kept in DATA_DIR.
ATTACHMENT_MAX_MB = env.int("ATTACHMENT_MAX_MB", 100)
ATTACHMENTS_MAX_MB = env.int("ATTACHMENTS_MAX_MB", 5_000)

# Files that people upload: whether they may, and the size and length of one. Then the size of all of one person, of
# those for one guild, and of all that are kept in DATA_DIR.
UPLOADS = env.bool("UPLOADS", True)
UPLOAD_MAX_MB = env.int("UPLOAD_MAX_MB", 200)
UPLOAD_MAX_MINUTES = env.int("UPLOAD_MAX_MINUTES", 240)
UPLOADS_PER_PERSON_MB = env.int("UPLOADS_PER_PERSON_MB", 2_000)
UPLOADS_PER_GUILD_MB = env.int("UPLOADS_PER_GUILD_MB", 5_000)
UPLOADS_MAX_MB = env.int("UPLOADS_MAX_MB", 20_000)

REDIS_URL = env.str("REDIS_URL", "")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()

# --- Checks before the start ------------------------------------------------------------------------------


def _faults() -> list[str]:
    """Return all invalid settings, each with its name, so that one start reports them all."""
    faults = []
    if _absent and (PRODUCTION or len(_absent) < len(_discord)):
        faults += [
            f"{name} is missing (set all three DISCORD_* credentials, or none for the sandbox)"
            for name in _absent
        ]
    if PRODUCTION:
        if len(SECRET_KEY) < 50:
            faults.append("SECRET_KEY is missing or shorter than 50 characters")
        if not env.str("DATABASE_URL", ""):
            faults.append("DATABASE_URL is missing")
        if urlsplit(API_BASE_URL).scheme != "https":
            faults.append("API_BASE_URL must be an https URL")
        if not REQUIRE_AUTH and not ALLOW_ANONYMOUS_IN_PRODUCTION:
            faults.append("REQUIRE_AUTH=false also needs ALLOW_ANONYMOUS_IN_PRODUCTION=true in production")
    if len(JWT_SECRET.encode()) < 32:
        faults.append("JWT_SECRET is missing or shorter than 32 bytes")
    if not all(_is_fernet_key(key) for key in FIELD_ENCRYPTION_KEYS):
        faults.append("FIELD_ENCRYPTION_KEYS is missing or contains an invalid Fernet key")
    if BIND_HOST not in {"127.0.0.1", "localhost", "::1"}:
        if SANDBOX:
            faults.append(f"BIND_HOST is {BIND_HOST}, but the sandbox may listen only on 127.0.0.1")
        if not REQUIRE_AUTH and not PRODUCTION:
            faults.append(f"BIND_HOST is {BIND_HOST}, but with REQUIRE_AUTH=false it must be 127.0.0.1")
    for name in ("API_PORT", "BOT_API_PORT", "SANDBOX_PORT"):
        if not 0 < globals()[name] < 65_536:
            faults.append(f"{name} must be a port from 1 to 65535")
    for name in (
        "ACCESS_TOKEN_SECONDS",
        "REFRESH_TOKEN_SECONDS",
        "QUEUE_MAX_ITEMS",
        "PLAYLIST_MAX_TRACKS",
        "ATTACHMENT_MAX_MB",
        "ATTACHMENTS_MAX_MB",
        "UPLOAD_MAX_MB",
        "UPLOAD_MAX_MINUTES",
        "UPLOADS_PER_PERSON_MB",
        "UPLOADS_PER_GUILD_MB",
        "UPLOADS_MAX_MB",
    ):
        if globals()[name] <= 0:
            faults.append(f"{name} must be greater than 0")
    for name in (
        "SYNC_GRACE_SECONDS",
        "SOCKETS_PER_PERSON",
        "STREAM_BYTES_PER_OWNER",
        "STORE_BYTES_PER_OWNER",
        "EVENT_RETENTION_DAYS",
        "EVENT_RETENTION_COUNT",
        "HISTORY_DAYS",
    ):
        if globals()[name] < 0:
            faults.append(f"{name} must not be negative")
    for name in (
        "API_BASE_URL",
        "FRONTEND_URL",
        "BOT_INTERNAL_API_URL",
        "DISCORD_API_URL",
        "DISCORD_AUTHORIZE_URL",
        "DISCORD_CDN_URL",
    ):
        parts = urlsplit(globals()[name])
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            faults.append(f"{name} must be an http(s) URL")
    if REDIS_URL and urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
        faults.append("REDIS_URL must be a redis://, rediss:// or unix:// URL")
    if bad := [one for one in ADMIN_DISCORD_IDS if not one.isdecimal()]:
        faults.append(f"ADMIN_DISCORD_IDS contains {', '.join(bad)}, which is not a snowflake")
    if LOG_LEVEL not in logging.getLevelNamesMapping():
        faults.append(f"LOG_LEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not {LOG_LEVEL}")
    return faults


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


if _found := _faults():
    raise ImproperlyConfigured("Invalid settings: " + ", ".join(_found) + ".")

# --- Django -----------------------------------------------------------------------------------------------

ROOT_URLCONF = "config.urls"
BOT_API_URLCONF = "botrunner.api.urls"
ASGI_APPLICATION = "config.asgi.application"
BOT_API_APPLICATION = "config.asgi.bot_api"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", urlsplit(API_BASE_URL).hostname or ""]
ALLOWED_ORIGINS = env.list("ALLOWED_ORIGINS", sorted({origin_of(API_BASE_URL), origin_of(FRONTEND_URL)}))
CSRF_TRUSTED_ORIGINS = ALLOWED_ORIGINS

# daphne adds WebSockets to `runserver` and must come before staticfiles. Other commands skip it, because importing it
# takes a second.
INSTALLED_APPS = ["config.runserver.RunserverConfig"] if "runserver" in sys.argv else []
INSTALLED_APPS += [
    "config",
    "botrunner",
    "alerts",
    "queue_app",
    "streams",
    "library",
    "guilds",
    "realtime",
    "accounts",
    "channels",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "config.admin_config.BacklineAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    # Static files are served before these (config/handler.py).
    "config.middleware.CompressMiddleware",
    "config.middleware.UrlconfMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "config.middleware.CanonicalHostMiddleware",
    "accounts.middleware.KeepCookieMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.AuthSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.program",
            ],
            "builtins": ["django.templatetags.i18n"],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False  # the API's paths end without one
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
# To add a language, see docs/translating.md, which also says who sees which.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", ("client", BASE_DIR / "clients" / "js" / "src")]
SERVESTATIC_USE_FINDERS = True  # the program serves its own files, so nobody has to run collectstatic
SERVESTATIC_AUTOREFRESH = "runserver" in sys.argv  # reads the disk for every request
SERVESTATIC_ALLOW_ALL_ORIGINS = False

# --- Database ---------------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.dj_db_url("DATABASE_URL", f"sqlite:///{DATA_DIR / 'backline.sqlite3'}")
}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    # Django's backend, except that transactions begin in order.
    DATABASES["default"]["ENGINE"] = "database.sqlite3"
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE replaces the row lock that SQLite lacks: writers queue at BEGIN, and none fails half-way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # Long-lived threads keep their connections (realtime/db.py). OPTIONS come from the URL: `?sslmode=require`.
    DATABASES["default"]["CONN_MAX_AGE"] = 0

# --- Between processes ------------------------------------------------------------------------------------

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "backline"},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

# Counts wrong codes of the second factor and stores used ones.
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "backline",
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- Sessions and cookies ---------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
SESSION_ENGINE = "accounts.session_store"  # in the database, with a check of the key first
SESSION_COOKIE_NAME = env.str("SESSION_COOKIE_NAME", "session")
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # with Strict the login state is lost on the way back from Discord
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_FAILURE_VIEW = "config.views.csrf_failure"
LOGIN_URL = "account_login"  # allauth's page for people who must log in first, which redirects to Discord
LOGIN_REDIRECT_URL = f"{FRONTEND_URL}/dashboard"

# --- Browser security -------------------------------------------------------------------------------------

SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:", "https://cdn.discordapp.com"],
    "connect-src": [CSP.SELF, origin_of(API_BASE_URL).replace("http", "ws", 1)],
    "worker-src": [CSP.SELF],  # a SharedWorker holds the one connection of all tabs
    # Chromium applies form-action to the redirect after a form, which leads to Discord.
    "form-action": [CSP.SELF, origin_of(DISCORD_AUTHORIZE_URL)],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
SECURE_REFERRER_POLICY = "same-origin"
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000

# --- Login with Discord -----------------------------------------------------------------------------------

ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = None  # we never store one
ACCOUNT_LOGIN_METHODS = {"email"}  # allauth requires a method, but no page uses it
ACCOUNT_SIGNUP_FIELDS = ["email*"]  # never shown, because every login is connected to a user first
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapter.SocialAccountAdapter"
# SOCIALACCOUNT_ONLY would disable allauth.mfa. There are no password pages, because their urls are not included.
SOCIALACCOUNT_STORE_TOKENS = False  # allauth stores them in plain text, accounts.DiscordGrant encrypts them
# The second factor is optional and meant for people who may open the admin.
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Backline"
MFA_ADAPTER = "accounts.adapter.MFAAdapter"  # allauth stores the secrets in plain text
SOCIALACCOUNT_PROVIDERS = {
    "discord": {
        "APPS": [{"client_id": DISCORD_CLIENT_ID, "secret": DISCORD_CLIENT_SECRET, "key": ""}],
        "SCOPE": ["identify", "guilds"],
        "OAUTH_PKCE_ENABLED": True,
    }
}

# --- Other origins ----------------------------------------------------------------------------------------

CORS_ALLOWED_ORIGINS = [origin for origin in ALLOWED_ORIGINS if origin.startswith(("http://", "https://"))]
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key")
CORS_EXPOSE_HEADERS = ("retry-after", "stale-since")

# --- REST -------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",  # first: its header makes the status 401, not 403
        "accounts.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.errors.answer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Backline",
    "DESCRIPTION": "One music queue per Discord guild, live on every surface; and live streams that raise alerts.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # the description of a choice equals its value
    "ENUM_NAME_OVERRIDES": {  # for one name with different choices, or different names with the same
        "StreamAccess": ["read", "write"],
        "StreamAccessOrOwner": ["owner", "write", "read"],
        "Who": "guilds.choices.Who",
        "StoreRole": "realtime.models.StoreRole",
        "StoreRoleOrOwner": ["owner", "reader", "writer"],
        "LeftOutOfUndo": "queue_app.left_out.Restoring",
        "LeftOutOfAdding": "queue_app.left_out.Adding",
    },
}

# --- Logs -------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "redact": {"()": "config.logs.RedactingFilter"},
        "handshake": {"()": "config.logs.HandshakeFilter"},
    },
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["redact"]}},
    "root": {"level": LOG_LEVEL, "handlers": ["stderr"]},
    "loggers": {
        "django": {"level": LOG_LEVEL},  # Django sets its own level
        # At DEBUG it logs the whole context of a page, including the request.
        "django.template": {"level": "INFO"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # anybody can send any Host
        # Below WARNING these log whole URLs, and a query string may contain a token.
        "uvicorn.error": {"level": "WARNING", "filters": ["handshake"]},
        "uvicorn.access": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "nextcord": {"level": "WARNING"},
        "dave": {"level": "CRITICAL"},  # libdave reports each change of the MLS epoch as an error
        # FFmpeg's messages do not name the file. A track that fails is logged with its reason anyway.
        "libav": {"level": "CRITICAL"},
    },
}
