# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages of a step that runs inside its service's image."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from harness import engine, modules
from harness.context import Context
from harness.engine import Engine
from harness.errors import ImageError, UsageError
from harness.modules import Graph
from harness.options import meant
from harness.plan import Step
from harness.postgres import DockerServer
from harness.refusals import HERE
from harness.run import browsing, needs
from harness.run.servers import TemplatePlace
from harness.run.side import ImageSide
from harness.runners import image, supplied
from harness.runners.image import Image, Inside
from harness.store import Run
from harness.template import packages
from harness.template.process import Wrap

SERVICES = (
    "erpserver", "portal", "api", "processing", "selenium", "documentation", "tests",
)  # fmt: skip
"""Images that have a Python environment."""


def find(context: Context, run: Run, step: Step) -> Image:
    """The image of a step's suite.

    Raises `ImageError` when it is not there, or lacks a module.
    """
    asked = context.config.suite[step.suite].image
    images = context.config.images
    if asked in SERVICES:
        name = f"{images.prefix}/{asked}:{images.variant}"
    elif ":" in asked or "/" in asked:
        name = asked
    else:
        raise UsageError(
            f"there is no service {asked!r}",
            checked=f"tool.harness.suite.{step.suite}.image; services are"
            f" {', '.join(SERVICES)}",
            remedy=meant(asked, SERVICES) or "name an image with its tag",
        )
    maker = Engine(context.environ)
    maker.require()
    get = "harness build" if asked in SERVICES else "docker pull"
    remedy = f"{get} {asked}"
    with context.console.passing(f"image {name}"):
        found = image.find(maker, context.store, name, run=run.id, remedy=remedy)
    if lost := absent(found.environment.site, wanted(context, step), context.graph):
        raise ImageError(
            f"the image {name} has no module {', '.join(lost)}",
            checked="its packages",
            remedy=f"{remedy}; or leave --in image out: an image has the sources, and"
            " of the official modules those that they need",
        )
    return found


def wanted(context: Context, step: Step) -> tuple[str, ...]:
    """The modules that a step asks for itself."""
    if step.template:
        return needs.request(context.config, (step.template,)).modules
    return tuple(one.name for one in step.tested)


def absent(site: Path, names: Iterable[str], sources: Graph) -> list[str]:
    """The modules that are not installed, of these and all that they depend on."""
    there = Graph(modules.installed(site))
    found: dict[str, bool] = dict.fromkeys(modules.CORE, True)
    todo = list(names)
    while todo:
        name = todo.pop(0)
        if name not in found:
            found[name] = name in there or bool(packages.providing(site, name))
            module = sources.get(name) or there.get(name)
            todo += module.depends if module else ()
    return [name for name, has in found.items() if not has]


@contextmanager
def prepare(
    context: Context,
    run: Run,
    step: Step,
    *,
    chosen: Image,
    place: TemplatePlace,
    directory: Path,
) -> Iterator[Inside]:
    """The way into the image, on the run's own network."""
    maker = Engine(context.environ)
    maker.sweep(context.store.id, context.store.live())
    maker.require_files(
        run.scratch(),
        chosen.name,
        f"run it outside of images (--in venv), or take this machine's engine: {HERE}",
    )
    table = context.config.suite[step.suite]
    sources = {name: context.sources[name].path for name in step.sources}
    package = Path(engine.__file__).parent
    server = place.server
    shared = [Path(place.variables["PGHOST"])] if step.database == "local" else []
    root, scratch = context.config.root, run.scratch()
    lacks = supplied.mounts(
        sources.get(table.source, root),
        f"{image.SOURCES}/{table.source}",
        table.lacking,
        root=root,
        scratch=scratch,
    )
    inside = Inside(
        engine=maker,
        image=chosen,
        labels=engine.labels(state=context.store.id, role="runner", run=run.id),
        name=f"harness-{run.id}-{step.name}",
        network="host" if step.database == "given" else "",
        scratch=scratch,
        mounts=image.mounts(
            root,
            package,
            *image.linked(root / context.config.src),
            sources=sources,
            writable=[context.store.path, directory, scratch, *shared],
            more=[*table.mounts, *lacks],
        ),
        paths=tuple(image.translations(sources, chosen).items()),
        aliases=table.aliases,
        directory=table.directory or str(root),
        variables=needs.variables(context.config, step, context.environ)[0],
        connections={"PGHOST": table.database_aliases[0], "PGPORT": "5432"}
        if isinstance(server, DockerServer) and table.database_aliases
        else {},
    )
    name = server.name if isinstance(server, DockerServer) else ""
    joined = (
        nullcontext(inside)
        if inside.network
        else image.network(inside, server=name, aliases=table.database_aliases)
    )
    with joined as made:
        yield made


def side_of(context: Context, step: Step, inside: Inside, wrap: Wrap) -> ImageSide:
    """What a step's containers are for its traces; `wrap` makes builds' commands."""
    table = context.config.suite[step.suite]
    names = (
        "aliases", "apart", "browser_aliases", "database_aliases", "directory",
        "evidence", "lacking", "mounts",
    )  # fmt: skip
    settings = {"container": repr([getattr(table, name) for name in names])}
    if step.affected and (table.browser or table.browser_aliases):
        found = inside.engine.inspect("image", browsing.image(context.config))
        settings["browser"] = str(found and found["Id"])
    more = [line.split(":")[1] for line in table.mounts if step.affected]
    root = context.config.root
    return ImageSide(inside, wrap, root=root, settings=settings, more=more)
