# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness docs``: Sphinx over ``docs/`` and the sources; warnings are errors.

What is built is a copy below the state directory, so a build leaves nothing in the
checkout but finished pages, which take the place of the former ones at once.
"""

import os
import shutil
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import engine, proc
from harness.commands import docs_serving, images
from harness.context import Context
from harness.engine import Engine
from harness.errors import CommandFailed, ExitCode, ImageError, UsageError
from harness.locks import locked
from harness.run import ports
from harness.stack.project import derived
from harness.store import Run
from harness.toolbox import Toolbox

REQUIREMENTS = "Dockerfiles/requirements/documentation/locked.txt"
MORE = ("CONTRIBUTING.md",)
"""Pages from outside of ``docs/``."""


@dataclass(frozen=True, kw_only=True)
class DocsPlan:
    """What is built, how, and where."""

    context: Context
    place: Path
    """Of the copy, of what Sphinx remembers, and of the pages until they are whole."""
    sources: tuple[Path, ...]
    inside: bool
    dry: bool

    @property
    def origin(self) -> Path:
        """The documents of the checkout."""
        return self.context.config.root / "docs"

    @property
    def pages(self) -> Path:
        """Where finished pages go."""
        return self.origin / "_build" / "html"

    def sphinx(self) -> list[str | Path]:
        """Sphinx's words."""
        return [
            "--builder", "html", "--quiet", "--fail-on-warning", "--keep-going",
            "--doctree-dir", self.place / "doctrees",
            self.place / "source" / "docs", self.place / "html",
        ]  # fmt: skip

    def variables(self) -> dict[str, str]:
        """What ``docs/conf.py`` reads."""
        return {"DOCS_SOURCES": os.pathsep.join(map(str, self.sources))}


def run(
    context: Context,
    *,
    autoapi: bool,
    build: bool,
    runner: str,
    keep: bool,
    down: bool,
    serve: bool,
    port: int,
    show: bool,
    dry: bool,
) -> int:
    """Build the documentation; 8 where there are warnings."""
    inside = build or runner == "image"
    plan = _plan(context, autoapi=autoapi, inside=inside, dry=dry)
    if down:
        return _down(plan)
    if serve and port:
        ports.require(port, remedy="take another one: harness docs --serve --port 0")
    if build and not dry:
        images.build(
            context, names=("documentation",), cache=True, pull=False, variant="",
            ahead=False, as_json=False,
        )  # fmt: skip
    code = _build(plan, keep=keep or serve)
    if dry:
        return code
    page = plan.pages / "index.html"
    if code == ExitCode.OK:
        context.console.info(f"documentation: {page}")
    if serve:
        docs_serving.serve(
            context.console,
            plan.pages,
            (plan.origin, *plan.sources),
            lambda: _build(plan, keep=True),
            port=port,
            show=show,
        )
        return ExitCode.OK
    if show and code == ExitCode.OK:
        webbrowser.open(page.as_uri())
    return code


def _plan(context: Context, *, autoapi: bool, inside: bool, dry: bool) -> DocsPlan:
    root = context.config.root
    if not (root / "docs" / "conf.py").is_file():
        raise UsageError(
            "there is no documentation here",
            checked=f"{root}/docs/conf.py",
            remedy="run it in a checkout of the stack",
        )
    sources = tuple(one.path for one in context.sources.values()) if autoapi else ()
    place = context.store.directory("docs", derived(root))
    return DocsPlan(
        context=context, place=place, sources=sources, inside=inside, dry=dry
    )


def _down(plan: DocsPlan) -> int:
    """Remove what builds have kept, and the pages."""
    for path in (plan.place, plan.pages):
        plan.context.console.info(f"rm -r {path}")
        if not plan.dry:
            shutil.rmtree(path, ignore_errors=True)
    return ExitCode.OK


# -- building --------------------------------------------------------------------


def _build(plan: DocsPlan, *, keep: bool) -> int:
    """Build into the place, then move the pages; the former ones stay on failure."""
    context = plan.context
    if plan.dry:
        with Run(context.store) as current:
            argv, env = _command(plan, current, lambda text: None)
        words = [f"{name}={value}" for name, value in env.items()]
        context.console.info(proc.line(["env", *words, *argv]))
        return ExitCode.OK
    with locked(plan.place.with_name(f"{plan.place.name}.lock")):
        plan.place.mkdir(exist_ok=True)
        if not keep:
            for name in ("doctrees", "html", "source"):
                shutil.rmtree(plan.place / name, ignore_errors=True)
        _copy(plan)
        with context.console.step("documentation", ticker=True) as step:
            done = _sphinx(plan, step.update)
        said = _readable(plan, f"{done.stdout}{done.stderr}")
        if said:
            context.console.info(said)
        if done.code > 1 or (done.code and not said):
            raise CommandFailed(
                f"Sphinx ended with exit code {done.code}", remedy="see above"
            )
        if done.code:
            context.console.warn("warnings are errors: the pages are not published")
            return ExitCode.GATE
        _publish(plan)
    return ExitCode.OK


def _copy(plan: DocsPlan) -> None:
    """Copy the documents; what is gone here goes there, what is equal stays."""
    source = plan.place / "source"
    target = source / "docs"
    old = {path for path in target.rglob("*") if path.is_file()}
    ignored = shutil.ignore_patterns(*docs_serving.MADE)
    shutil.copytree(plan.origin, target, dirs_exist_ok=True, ignore=ignored)
    for name in MORE:
        path = plan.context.config.root / name
        if path.is_file():
            shutil.copy2(path, source / name)
    for path in old:
        inner = path.relative_to(target)
        if (
            inner.parts[0] not in docs_serving.MADE
            and not (plan.origin / inner).exists()
        ):
            path.unlink()
    if not plan.sources:
        shutil.rmtree(target / "autoapi", ignore_errors=True)


def _sphinx(plan: DocsPlan, say: Any) -> proc.Completed:
    with Run(plan.context.store) as current:
        argv, env = _command(plan, current, say)
        environ = {**plan.context.environ, **env}
        return proc.run(argv, env=environ, cwd=plan.place, check=False)


def _command(
    plan: DocsPlan, current: Run, say: Any
) -> tuple[list[str | Path], dict[str, str]]:
    """Sphinx in its image, or in an environment that is made once."""
    if plan.inside:
        return _contained(plan, current), {}
    file = plan.context.config.root / REQUIREMENTS
    wanted = file.read_text("utf-8").split() if file.is_file() else ["sphinx"]
    if plan.dry:
        return ["sphinx-build", *plan.sphinx()], plan.variables()
    box = Toolbox(plan.context.store, plan.context.environ)
    programs = box.environment("docs", wanted, say)
    say("sphinx-build")
    return [programs / "sphinx-build", *plan.sphinx()], plan.variables()


def _contained(plan: DocsPlan, current: Run) -> list[str | Path]:
    docker = Engine(plan.context.environ)
    chosen = plan.context.config.images
    image = f"{chosen.prefix}/documentation:{chosen.variant}"
    if not plan.dry and docker.inspect("image", image) is None:
        raise ImageError(
            f"the image {image} is not there",
            checked="docker image inspect",
            remedy="harness docs --build",
        )
    made = engine.labels(state=plan.context.store.id, role="runner", run=current.id)
    words: list[str | Path] = [
        "run", "--rm", "--init", "--network", "none",
        "--user", f"{os.getuid()}:{os.getgid()}", *engine.options(made),
        "--volume", f"{plan.place}:{plan.place}",
    ]  # fmt: skip
    for path in plan.sources:
        words += ["--volume", f"{path}:{path}:ro"]
    for name, value in plan.variables().items():
        words += ["--env", f"{name}={value}"]
    return list(docker.argv(*words, image, "sphinx-build", *plan.sphinx()))


def _readable(plan: DocsPlan, text: str) -> str:
    """What Sphinx said, with the paths of the checkout."""
    return text.replace(f"{plan.place}/source/docs", str(plan.origin)).strip()


def _publish(plan: DocsPlan) -> None:
    fresh = plan.pages.with_name(".html.new")
    former = plan.pages.with_name(".html.old")
    for path in (fresh, former):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(plan.place / "html", fresh)
    if plan.pages.exists():
        plan.pages.rename(former)
    fresh.rename(plan.pages)
    shutil.rmtree(former, ignore_errors=True)
