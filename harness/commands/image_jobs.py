# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as they would be built now: their material, their arguments, their digests."""

from collections.abc import Sequence
from pathlib import Path

from harness import __version__, engine, modules, series
from harness.context import Context
from harness.engine import Engine
from harness.errors import ImageError, SourceError
from harness.images import base as bases
from harness.images import dockerfile, material, services
from harness.images.build import PLACEHOLDER, PROJECT, SERIES, ImageJob
from harness.images.material import CHECKOUT, DOCKERFILE, Material
from harness.model import Module, Source
from harness.series import Series
from harness.stack import project as projects

PLACE = "Dockerfiles"
LOCKED = ("erpserver", "portal", "api", "processing")
"""Services with packages of a Tryton series."""
SOURCED = (*LOCKED, *services.MORE)
"""Images with sources in them; the others are only built beside them."""


def jobs(
    context: Context, names: Sequence[str] = (), variant: str = "", base: str = ""
) -> list[ImageJob]:
    """Images as they would be built now, those of all services without names."""
    config = context.config.images
    base = base or bases.ensure(Engine(context.environ), config.base)
    variant, release = variant or config.variant, series_of(context)
    gathered = material_of(context, release, variant)
    chosen = chosen_of(context, names)
    return [job_of(context, gathered, one, variant, release, base) for one in chosen]


def chosen_of(context: Context, names: Sequence[str]) -> tuple[str, ...]:
    """The images that are meant: without names, all that the stack runs, and docs'."""
    project = projects.make(context.config)
    every = project.images((*projects.SERVICES, *project.tables))
    return services.choose(names or (*every, *services.BESIDE))


def series_of(context: Context) -> Series:
    """That of the Tryton modules among the sources, else the configured one."""
    for _, module in _tryton(context):
        return series.find(modules.series(module))
    return series.find(context.config.series)


def _tryton(context: Context) -> list[tuple[Source, Module]]:
    return [
        (source, context.graph[name])
        for name, source in context.sources.items()
        if name in context.graph
    ]


def material_of(context: Context, release: Series, variant: str) -> Material:
    """What goes into builds; raises `ImageError` where there is no Dockerfile."""
    root = context.config.root / PLACE
    if not (root / DOCKERFILE).is_file():
        raise ImageError(
            "there is no Dockerfile", checked=f"{root / DOCKERFILE}", remedy=CHECKOUT
        )
    found = _tryton(context)
    tables = [context.config.source[source.name] for source, _ in found]
    texts = material.requirements(
        release,
        [module for _, module in found],
        [line for table in tables for line in table.requirements],
        [line for table in tables for line in table.constraints],
    )
    texts |= _tests(context, release)
    return material.gather(
        root,
        [source for source, _ in found],
        texts,
        editable=variant == "development",
        packages=_packages(context),
    )


def _packages(context: Context) -> list[Source]:
    """The sources that are Python packages, but no Tryton modules."""
    kinds = context.config.source
    return [
        one for name, one in context.sources.items() if kinds[name].kind == "python"
    ]


def _tests(context: Context, release: Series) -> dict[str, str]:
    """What suites need that run in the image ``tests``."""
    config = context.config
    tables = {name: config.source[name] for name in context.sources}
    modules_ = [name for one in config.template.values() for name in one.modules]
    pinned: list[str] = []
    for name, table in tables.items():
        for pin in table.pins:
            pinned += material.pins(_text(context.sources[name].path / pin))
        pinned += table.constraints
    return material.tests(
        release,
        official=[name for name in modules_ if name not in context.graph],
        extra=[
            line
            for source in _packages(context)
            for line in tables[source.name].requirements
        ],
        extras={name: one.extras for name, one in tables.items() if one.extras},
        pinned=pinned,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise SourceError(
            f"the pins of a source cannot be read: {path}: {error.strerror}",
            remedy="correct [tool.harness.source] pins, or complete the checkout",
        ) from error


def job_of(
    context: Context,
    gathered: Material,
    service: str,
    variant: str,
    release: Series,
    base: str,
) -> ImageJob:
    """The image of a service, as it would be built."""
    images = context.config.images
    arguments = {
        "VARIANT": variant,
        "BASE": images.base,
        "SERIES": release.name,
        "TESTS_PACKAGES": " ".join(images.packages),
        "TESTS_BUILDING": " ".join(images.build_packages),
        "BROWSERS": " ".join(images.browsers),
    }
    text = (context.config.root / PLACE / DOCKERFILE).read_text("utf-8")
    stages = dockerfile.parse(text, arguments)
    closure = dockerfile.closure(stages, service)
    revisions = [str(source) for source, _ in _tryton(context)]
    application = services.application(service, context.sources)
    if application:
        revisions.append(str(application))
    placeholder = service in services.APPLICATIONS and not application
    return ImageJob(
        service=service,
        image=f"{images.prefix}/{service}:{variant}",
        digest=material.digest(closure, gathered, arguments, [base]),
        arguments=arguments,
        labels={
            "org.opencontainers.image.title": service,
            "org.opencontainers.image.version": __version__,
            "org.opencontainers.image.revision": ", ".join(revisions),
            "harness.service": service,
            "harness.variant": variant,
            engine.STATE: context.store.id,
            PROJECT: projects.derived(context.config.root),
            SERIES: release.name,
            **({PLACEHOLDER: "true"} if placeholder else {}),
        },
    )
