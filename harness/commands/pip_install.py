# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness pip-install``: the mounted sources, editable, in running containers.

Once in the life of a container; ``execute pip-install`` does it there.  The machine's
package index and certificates are in the container while it goes on, and no longer.
"""

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from harness import proc
from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.errors import CommandFailed, ExitCode, UsageError
from harness.images import secrets
from harness.refusals import failure
from harness.stack import project as projects
from harness.stack.compose import Container

PLACE = "/tmp/pip-settings"


def run(
    context: Context, *, environment: str, service: str, again: bool, dry: bool
) -> int:
    """Install in every replica of a service."""
    stack = open_(context, environment)
    (name,) = stack.project.services([service])
    _possible(stack, name)
    found = [one for one in stack.running(name) if one.state == "running"]
    for one in found:
        if dry:
            context.console.info(proc.line(_argv(stack, one, {}, again=again)))
        else:
            _install(stack, one, again=again)
    if not dry:
        line = stack.line("restart", name)
        context.console.info(f"what runs has the old ones until: {line}")
    return ExitCode.OK


def _possible(stack: Stack, name: str) -> None:
    if name not in projects.PYTHON:
        raise UsageError(
            f"{name} has no sources",
            checked=f"services of Python are {', '.join(projects.PYTHON)}",
            remedy="name one of these",
        )
    if stack.project.environment != "development":
        raise UsageError(
            f"no sources are mounted in {stack.project.environment}",
            checked="images of the production variant have copies of them",
            remedy=f"harness build --variant production {name}, then"
            f" {stack.line('up', name)}",
        )


def _install(stack: Stack, container: Container, *, again: bool) -> None:
    console = stack.context.console
    with (
        console.step(f"pip-install in {container.name}", ticker=True) as step,
        _settings(stack, container) as variables,
    ):
        argv = _argv(stack, container, variables, again=again)
        said: list[str] = []
        with proc.Child(
            argv, env=stack.engine.environ, stdout=proc.PIPE, stderr=proc.STDOUT
        ) as child:
            assert child.process.stdout
            for line in child.process.stdout:
                said.append(line.decode(errors="replace").rstrip())
                step.update(said[-1])
            code = child.code()
        if code:
            text = "\n".join(said[-20:])
            raise CommandFailed(
                f"the sources cannot be installed in {container.name}:\n{text}",
                checked=f"execute pip-install ended with exit code {code}",
                remedy=f"if the index is not reached from there: harness build"
                f" {container.service}",
            )
    console.info("\n".join(f"  {line}" for line in said))


def _argv(
    stack: Stack, container: Container, variables: Mapping[str, str], *, again: bool
) -> list[str]:
    # root, since the environment is; it has no capabilities in there.
    options = ["--user", "0:0"]
    for key, value in variables.items():
        options += ["--env", f"{key}={value}"]
    more = ["--again"] if again else []
    return stack.engine.argv(
        "exec", *options, container.name, "execute", "pip-install", *more
    )


@contextmanager
def _settings(stack: Stack, container: Container) -> Iterator[dict[str, str]]:
    """The machine's index and certificates, as files in the container."""
    context = stack.context
    known = secrets.gather(context.environ, context.config.images.suite)
    files = {"PIP_CONFIG_FILE": known.texts.get("pip", "")}
    if known.certificates:
        files["PIP_CERT"] = known.certificates.read_text("utf-8", "replace")
    names = {key: f"{PLACE}/{key}" for key, text in files.items() if text}
    proxies = {
        name: context.environ[name]
        for one in secrets.PROXIES
        for name in (one, one.upper())
        if context.environ.get(name)
    }
    if names:
        given = {key: text.encode() for key, text in files.items() if text}
        _copy(stack, container, archive(given))
    try:
        yield {**names, **proxies}
    finally:
        words = ("exec", "--user", "0:0", container.name, "rm", "-rf", PLACE)
        stack.engine.run(*words, check=False)


def archive(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of the files, in the directory, for root's eyes only.

    Without its capabilities, root in there can neither read nor remove what
    belongs to the user who has the files out here.
    """
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        place = tarfile.TarInfo(PLACE.lstrip("/").partition("/")[2])
        place.type, place.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(place)
        for name, content in files.items():
            one = tarfile.TarInfo(f"{place.name}/{name}")
            one.size, one.mode = len(content), 0o600
            tar.addfile(one, io.BytesIO(content))
    return made.getvalue()


def _copy(stack: Stack, container: Container, content: bytes) -> None:
    argv = stack.engine.argv("cp", "-", f"{container.name}:/tmp")
    with proc.Child(
        argv, env=stack.engine.environ, stdin=proc.PIPE, stdout=proc.DEVNULL,
        stderr=proc.PIPE,
    ) as child:  # fmt: skip
        _, said = child.process.communicate(content)
        code = child.code()
    if code:
        raise failure(argv, code, said.decode(errors="replace"))
