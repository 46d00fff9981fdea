"""The fixtures every test may use. Nothing starts before a test asks for it: the rule tests start nothing."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.servers import Servers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.support.processes import Processes
    from tests.support.smtp import SmtpServer
    from tests.support.text_gateway import Gateway

# Settings are read in pytest_configure below; the servers come later, at these addresses.
_servers = Servers()
os.environ["CLINIC_MODE"] = "test"
os.environ["DATABASE_URL"] = _servers.database_url
os.environ["REDIS_URL"] = _servers.redis_url
for _name in (
    "SECRET_KEY",
    "SECRET_KEY_FILE",
    "SITE_URL",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "PORT",
    "TEXT_URL",
    "TEXT_ACCOUNT",
    "TEXT_TOKEN",
):
    os.environ.pop(_name, None)


beside = pytest.StashKey[list["Processes"]]()  # the processes of the product a test ran beside


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Sets Django up before pytest-django looks, unless only rules are tested: those do without Django."""
    asked = [Path(each.partition("::")[0]) for each in config.args]
    if asked and all("rules" in each.parts for each in asked):
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "clinic.settings"
    import django

    django.setup()
    from clinic.catalogs import compile_stale

    compile_stale()
    # Not for children: a worker of pytest-xdist would read its settings before it has addresses of its own.
    del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rules first: what fails fast, fails first. Then what takes minutes, so that in the end no worker waits
    for another; the thousands of small ones fill both to the last."""
    order = (
        "/rules/",
        "/architecture/",
        "/test_malformed_documents",
        "/faults/",
        "/browser/",
        "/clinic/",
        "/protocols/",
        "/sessions/",
        "/flows/",
    )

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next(
            (n for n, part in enumerate(order) if part in path.removeprefix(str(Path.cwd()))), len(order)
        )

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that failed beside processes of the product shows what each of them said last."""
    report = yield
    if report.failed:
        for one in item.stash.get(beside, ()):
            report.sections += [(f"{each.name} said last", each.last_lines) for each in one.started]
    return report


def pytest_unconfigure() -> None:
    _servers.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """pytest-django asks for this before it makes the test database: the moment to start the server."""
    from tests.support.emptying import empty_in_spite_of_deadlocks

    empty_in_spite_of_deadlocks()
    server = _servers.database()
    if server is not None:
        from django.db import connection

        from tests.support.schema import migrated_template

        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template(server)


@pytest.fixture(scope="session")
def redis_url() -> str:
    return _servers.redis()


@pytest.fixture
def smtp_server(settings: Any) -> Iterator[SmtpServer]:
    """A real mail server; mail sent by this process goes to it too."""
    from tests.support.smtp import SmtpServer

    server = SmtpServer()
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    yield server
    server.stop()


@pytest.fixture
def text_gateway(settings: Any) -> Iterator[Gateway]:
    """A real provider of texts; those sent by this process go to it."""
    from tests.support.text_gateway import ACCOUNT, TOKEN, Gateway

    gateway = Gateway()
    gateway.start()
    settings.TEXT_URL, settings.TEXT_ACCOUNT, settings.TEXT_TOKEN = gateway.url, ACCOUNT, TOKEN
    yield gateway
    gateway.stop()


def _environment(redis_url: str) -> dict[str, str]:
    """That of a separate process which sees what tests commit, with an address of its own for its site."""
    from django.db import connection

    from tests.support.processes import free_port

    port = free_port()
    name = str(connection.settings_dict["NAME"])
    base, question, query = _servers.database_url.partition("?")
    return {
        "CLINIC_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "clinic.settings",
        "DATABASE_URL": f"{base.rpartition('/')[0]}/{name}{question}{query}",
        "REDIS_URL": redis_url,
        "PORT": str(port),
        "SITE_URL": f"http://localhost:{port}",
    }


@pytest.fixture
def empty_redis(redis_url: str) -> str:
    import redis

    client = redis.Redis.from_url(redis_url)
    client.flushall()
    client.close()
    return redis_url


@pytest.fixture
def process_env(
    transactional_db: None, empty_redis: str, request: pytest.FixtureRequest, settings: Any
) -> dict[str, str]:
    """The environment in which a separate process sees this test's committed data. The site's address is
    fixed here, so that the links a worker mails lead to the `live_site` of the same test."""
    env = _environment(empty_redis)
    settings.SITE_URL = env["SITE_URL"]
    if "smtp_server" in request.fixturenames:
        env["EMAIL_URL"] = request.getfixturevalue("smtp_server").url
    if "text_gateway" in request.fixturenames:
        names = ("TEXT_URL", "TEXT_ACCOUNT", "TEXT_TOKEN")
        request.getfixturevalue("text_gateway")
        env |= {name: str(getattr(settings, name)) for name in names}
    return env


@pytest.fixture
def processes(process_env: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Processes]:
    from tests.support.processes import Processes

    started = Processes(process_env)
    request.node.stash.setdefault(beside, []).append(started)
    yield started
    started.end_all()


@pytest.fixture(scope="session")
def web_of_all(django_db_setup: None, redis_url: str) -> Iterator[Processes]:
    """Where the web server runs that every test shares which needs nothing else of it."""
    from tests.support.processes import Processes

    started = Processes(_environment(redis_url))
    yield started
    started.end_all()


@pytest.fixture
def live_site(
    transactional_db: None, empty_redis: str, request: pytest.FixtureRequest, settings: Any
) -> Iterator[str]:
    """The address of a real web server over the committed database. A test with processes, mails or texts of
    its own has one of its own; the others share one: to start it takes longer than most of them."""
    own = {"processes", "process_env", "smtp_server", "text_gateway"}
    shared = own.isdisjoint(request.fixturenames)
    started: Processes = request.getfixturevalue("web_of_all" if shared else "processes")
    if shared:
        request.node.stash.setdefault(beside, []).append(started)
    address = started.site()
    settings.SITE_URL = address
    yield address
    if shared:
        from tests.support.processes import wait_until_quiet

        # What a page had begun ends before the tables are emptied, and none goes on into the next test.
        if "browser" in request.fixturenames:
            for context in request.getfixturevalue("browser").contexts:
                context.close()
        wait_until_quiet()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from django.db import connections
    from playwright.sync_api import expect, sync_playwright

    from tests.support.browser import CHROMIUM_ARGUMENTS, chromium

    program = chromium()
    expect.set_options(timeout=30_000)  # as long as for any press: a busy machine is slow, not wrong
    # Playwright's synchronous interface runs an event loop in this thread; Django would refuse queries beside
    # it.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        yield opened
        opened.close()
        # The tests' connection of as long as that loop ran: nobody finds it afterwards.
        connections.close_all()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def browser_context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield context
    context.close()


@pytest.fixture
def browser_page(browser_context: BrowserContext) -> Page:
    return browser_context.new_page()
