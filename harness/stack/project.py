# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout's stack in one environment: names, files, what Compose is told."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import envfile
from harness.config import Config
from harness.config.described import ALIASES, FORMER, OF_STACK
from harness.config.services import ServiceTable
from harness.errors import ConfigError, UsageError
from harness.images.material import CHECKOUT
from harness.options import meant
from harness.stack import roles
from harness.stack.certificates import Pair
from harness.stack.secrets import directory as secrets_of

PROFILES: Final = {"selenium": "browser"}
"""Services that are started by name only, and Compose's profile of each."""
SERVICES: Final = OF_STACK
DEFAULT: Final = tuple(one for one in SERVICES if one not in PROFILES)
"""What ``harness up`` starts when nothing is named."""
PYTHON: Final = ("erpserver", "portal", "api", "processing")
"""Services that the sources are mounted into."""
DEBUGGERS: Final = {
    "portal": 52000,
    "api": 52001,
    "processing": 52002,
    "erpserver": 52005,
}
"""Where an editor finds the debugger of a deployed service (.vscode/launch.json)."""
SINGLE: Final = {
    "db": "it owns its volume",
    "nginx": "it owns the ports",
}
"""Services that cannot be there twice, and why."""
DEPENDS: Final = {
    "erpserver": ("db",),
    "portal": ("db",),
    "api": ("db",),
    "processing": ("erpserver",),
    "nginx": ("portal", "api", "erpserver"),
}
"""What Compose starts before a service: depends_on of compose.yaml."""
SECRETS: Final = {
    "erpserver": ("database_password", "admin_password", "processing_password"),
    "portal": ("portal_database_password", "session_secret", "portal_smtp"),
    "api": ("api_database_password", "session_secret"),
    "processing": ("processing_password",),
}
"""What a service is told: secrets of compose.yaml."""
BEHIND: Final = {"portal": "nginx", "api": "nginx", "erpserver": "nginx"}
"""Services that are reached through another one."""
PORTS: Final = "stack.nginx_port, stack.https_port, stack.erpserver_port, stack.db_port"
DOORS: Final = {("erpserver", 8000): 8000, ("portal", 6543): 81, ("api", 6544): 81}
"""Ports of services that nginx stands for, and its own port for each."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """The stack of a checkout; `name` is Compose's project."""

    config: Config
    environment: str
    name: str

    @property
    def directory(self) -> Path:
        """Where the Compose files are."""
        return self.config.root / "compose"

    @property
    def variant(self) -> str:
        """Of images: development's tools are in no other environment."""
        if self.environment == "development":
            return self.config.images.variant
        return "production"

    @property
    def ports(self) -> dict[int, str]:
        """The ports that are published, each with what for."""
        return dict(self.published())

    def published(self) -> Iterator[tuple[int, str]]:
        """`ports`, before one has taken the place of another."""
        stack = self.config.stack
        yield stack.nginx_port, "nginx"
        yield stack.erpserver_port, "erpserver"
        if self.pair.given:
            yield stack.https_port, "https"
        if stack.db_port:
            yield stack.db_port, "db"

    @property
    def pair(self) -> Pair:
        """Its certificate, which need not be there."""
        return Pair(place=secrets_of(self.directory, self.environment))

    @property
    def tables(self) -> dict[str, ServiceTable]:
        """What is said of services in this environment."""
        return {
            name: table
            for name, table in self.config.service.items()
            if self.environment in (table.environments or [self.environment])
        }

    def target(self, service: str) -> str:
        """The target of the Dockerfile that a service runs; none of another image."""
        table = self.tables.get(service)
        image = table.image if table and table.image else service
        return "" if ":" in image or "/" in image else image

    def image(self, service: str) -> str:
        """The image of a service."""
        target = self.target(service)
        if not target:
            return self.tables[service].image
        return f"{self.config.images.prefix}/{target}:{self.variant}"

    def images(self, services: Iterable[str]) -> dict[str, str]:
        """The images that are built for services, by their targets."""
        targets = {self.target(one): self.image(one) for one in services}
        return {target: image for target, image in targets.items() if target}

    @property
    def default(self) -> tuple[str, ...]:
        """What ``harness up`` starts when nothing is named."""
        return (*DEFAULT, *(name for name in self.tables if name not in SERVICES))

    def services(self, words: Sequence[str]) -> list[str]:
        """The services that are meant; raises `UsageError` for what is none."""
        known = dict.fromkeys((*SERVICES, *self.tables))
        found: dict[str, None] = {}
        for word in words:
            name = ALIASES.get(word, word)
            if name not in known:
                raise UsageError(
                    f"there is no service {word!r}",
                    checked=f"the services are {', '.join(known)}",
                    remedy=FORMER.get(word, "")
                    or meant(word, [*known, *ALIASES])
                    or "take one of these",
                )
            found[name] = None
        return list(found)

    def front(self, service: str) -> str:
        """The service that another one is reached through, if there is one."""
        table = self.tables.get(service)
        return BEHIND.get(service, "nginx" if table and table.vhost else "")

    def started(self, named: Sequence[str]) -> list[str]:
        """What ``harness up`` starts: the default ones, or these and their doors."""
        if not named:
            return list(self.default)
        fronts = filter(None, map(self.front, named))
        return list(dict.fromkeys([*named, *fronts]))

    def closure(self, named: Iterable[str]) -> list[str]:
        """These services and all that Compose starts with them."""
        found: dict[str, None] = {}
        todo = list(named)
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = None
                table = self.tables.get(name)
                todo += [*DEPENDS.get(name, ()), *(table.after if table else ())]
        return [one for one in dict.fromkeys((*SERVICES, *self.tables)) if one in found]

    def scales(self, words: Sequence[str]) -> dict[str, int]:
        """``portal=2``, ``erpserver=3``; raises `UsageError` for anything else."""
        found: dict[str, int] = {}
        for word in words:
            service, _, number = word.partition("=")
            if not number.isascii() or not number.isdecimal():
                raise UsageError(
                    f"{word!r} does not say how many",
                    remedy="harness scale portal=2 erpserver=3",
                )
            (name,) = self.services([service])
            if name in SINGLE and int(number) != 1:
                raise UsageError(
                    f"there can be one {name} only: {SINGLE[name]}",
                    remedy="scale portal, api, erpserver or processing",
                )
            found[name] = int(number)
        return found

    def secret(self, name: str) -> Path:
        """The file of a secret, as it is said to people."""
        path = self.directory / "secrets" / self.environment / name
        root = self.config.root
        return path.relative_to(root) if path.is_relative_to(root) else path

    def files(self) -> list[Path]:
        """The Compose files that are in the checkout, later ones win."""
        base = self.directory
        found = [base / "compose.yaml", base / f"{self.environment}.yaml"]
        missing = [path for path in found if not path.is_file()]
        if missing:
            raise ConfigError(
                f"the stack's file {missing[0]} is not there",
                checked=f"the root of the configuration is {self.config.root}",
                remedy=CHECKOUT,
            )
        local = base / "local.yaml"
        return [*found, *([local] if local.is_file() else [])]


def make(config: Config, environment: str = "") -> Project:
    """The stack of this checkout; two checkouts never share one."""
    environment = environment or config.stack.environment
    ports = (config.stack.nginx_port, config.stack.erpserver_port)
    for port in (*ports, config.stack.https_port, config.stack.db_port):
        if port > 65535 or (not port and port in ports):
            raise ConfigError(
                f"{port} is no port",
                checked=PORTS,
                remedy="take one from 1 to 65535 (db_port 0: not published)",
            )
    name = config.stack.project or derived(config.root)
    if environment != "development":
        name = f"{name}-{environment}"
    made = Project(config=config, environment=environment, name=name)
    if len(made.ports) < len(list(made.published())):
        raise ConfigError(
            "two services of the stack have the same port",
            checked=PORTS,
            remedy="give each its own",
        )
    return made


def derived(root: Path) -> str:
    """A project's name from a checkout's place: readable, and of no other one."""
    place = root.resolve()
    word = re.sub(r"[^a-z0-9_-]+", "", place.name.lower()).strip("_-") or "stack"
    return f"{word[:30]}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:6]}"


def variables(
    project: Project, *, state: str, secrets: Mapping[str, str]
) -> dict[str, str]:
    """What the Compose files are filled with; `state` is the label's value."""
    stack = project.config.stack
    return {
        "COMPOSE_PROJECT_NAME": project.name,
        "STACK_STATE": state,
        "IMAGE_PREFIX": project.config.images.prefix,
        "IMAGE_VARIANT": project.variant,
        "NGINX_PORT": str(stack.nginx_port),
        "STACK_ADDRESS": stack.address,
        "ERPSERVER_PORT": str(stack.erpserver_port),
        "DATABASE_NAME": stack.database,
        "PORTAL_SMTP": "",
        **{name.upper(): value for name, value in secrets.items()},
        **{
            services_variable(role): service(role, secrets.get(name, ""))
            for role, name in roles.PASSWORDS.items()
        },
    }


def services_variable(role: str) -> str:
    """The variable with the service file of a role."""
    return f"PGSERVICE_{role.upper()}"


def service(role: str, password: str) -> str:
    """A service file of libpq."""
    return f"[stack]\nhost=db\nport=5432\nuser={role}\npassword={password}\n"


def worker(project: Project) -> str:
    """The login of Tryton's user that processing is.

    Raises `ConfigError` for admin's: whose password is made here is nobody else.
    """
    base = project.directory / "env"
    place = base / "local" / "processing.env"
    known: dict[str, str] = {}
    for path in (base / "processing.env", place):
        if path.is_file():
            known = envfile.load(path, known, {})
    user = known.get("PROCESSING_USER", "processing")
    if user in ("admin", "root"):
        raise ConfigError(
            f"processing is to have a user of its own in Tryton, not {user}",
            checked=f"PROCESSING_USER in {place}",
            remedy="leave PROCESSING_USER out there: harness up makes the user",
        )
    return user
