# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the stack's services."""

from dataclasses import dataclass
from typing import Annotated

from harness.config import kinds
from harness.config.suites import BELOW, VARIABLES


@dataclass(frozen=True, kw_only=True)
class ServiceTable:
    """``[tool.harness.service.NAME]``: how a service of the stack is started.

    One of the stack's own keeps what its table does not say; any other is one more.
    `image` is a target of the Dockerfile, or an image with its tag.  `command` and
    `environment` may hold ``${NAME}``, which Compose fills in, as ``$$`` is a dollar;
    `environment` wins over `environment_files`.  A secret is a file at
    ``/run/secrets/NAME``, and with ``VARIABLE=NAME`` a variable of the command, too.
    Of `volumes`, a name without a slash is a volume of the stack, anything else is
    relative to the root.  `health` is a command, or one address inside.  `after` are
    services that are well before it starts.

    Pages are at `port` inside, under the host name `vhost` at nginx; `page` is one
    that answers.  `ports` are published on 127.0.0.1.  It is there in `environments`.
    """

    image: Annotated[str, kinds.text("a target, or an image with its tag")] = ""
    command: Annotated[tuple[str, ...], kinds.strings("a program's words")] = ()
    environment: Annotated[tuple[str, ...], kinds.strings(VARIABLES)] = ()
    environment_files: Annotated[tuple[str, ...], kinds.strings(BELOW)] = ()
    secrets: Annotated[tuple[str, ...], kinds.strings('"[VARIABLE=]NAME"')] = ()
    volumes: Annotated[tuple[str, ...], kinds.strings('"OUTSIDE:INSIDE[:ro]"')] = ()
    health: Annotated[tuple[str, ...], kinds.strings("words, or one address")] = ()
    after: Annotated[tuple[str, ...], kinds.strings("names of services")] = ()
    replicas: Annotated[int, kinds.number(1)] = 1
    port: Annotated[int, kinds.number()] = 0
    vhost: Annotated[str, kinds.text("a host name, or nothing", r"[\w.-]*")] = ""
    page: Annotated[str, kinds.text("a path such as /", r"/\S*")] = "/"
    ports: Annotated[tuple[str, ...], kinds.strings('"OUTSIDE:INSIDE"')] = ()
    environments: Annotated[tuple[str, ...], kinds.strings("environments")] = ()
