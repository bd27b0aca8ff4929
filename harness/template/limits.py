# SPDX-License-Identifier: GPL-3.0-or-later
"""Which templates have to go: beyond a count, a size or an age."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.errors import TemplateError
from harness.quantities import duration
from harness.quantities import size as human
from harness.store import Store, changed, write_atomically
from harness.template.base import Manifest


def touch(store: Store, digest: str) -> None:
    """Note that a template was used now."""
    (store.directory("used") / digest).touch()


def touched(store: Store, digest: str) -> bool:
    """Whether a template was used on this machine, and likely is still there."""
    return (store.path / "used" / digest).exists()


def forget(store: Store, digest: str) -> None:
    """A template is gone."""
    used = store.path / "used"
    for path in (used / digest, *used.glob(f"*.{digest}.trace")):
        path.unlink(missing_ok=True)


def remember(store: Store, template: Manifest) -> None:
    """Note the trace of a template that was used now."""
    name = f"{template.declared}.{template.digest}.trace"
    path = store.directory("used") / name
    if path.exists():
        path.touch()
    else:
        write_atomically(path, template.dump())


def remembered(store: Store, declared: str) -> Iterator[Manifest]:
    """The templates of this that were used on this machine, the last first."""
    paths = store.directory("used").glob(f"{declared}.*.trace")
    for path in sorted(paths, key=changed, reverse=True):
        with contextlib.suppress(OSError, TemplateError):
            yield Manifest.parse(path.read_text("utf-8"))


def with_use(store: Store, manifest: Manifest) -> Manifest:
    """The manifest with the time of its last use on this machine."""
    try:
        used = (store.path / "used" / manifest.digest).stat().st_mtime
    except OSError:
        used = manifest.created
    return replace(manifest, used=max(used, manifest.used))


def exceeding(
    manifests: Iterable[Manifest], *, count: int, size: int, age: float, now: float
) -> list[tuple[Manifest, str]]:
    """Templates to remove, each with the limit that it exceeds.

    `size` in bytes, `age` in seconds.  The last used stay, the very last also
    when it alone is larger than `size`.
    """
    going: list[tuple[Manifest, str]] = []
    kept, total = 0, 0
    for one in sorted(manifests, key=lambda one: -one.used):
        if now - one.used > age:
            going.append((one, f"not used for {duration(now - one.used)}"))
        elif kept >= count:
            going.append((one, f"more than {count} templates"))
        elif kept and total + one.size > size:
            going.append((one, f"more than {human(size)} in all"))
        else:
            kept, total = kept + 1, total + one.size
    return going
