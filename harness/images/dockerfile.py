# SPDX-License-Identifier: GPL-3.0-or-later
"""The Dockerfile, as far as it says what a target is made of."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.errors import ImageError

_FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.I)
_COPY = re.compile(r"(?:COPY|ADD)\s+(?P<rest>.*)", re.I)
_MOUNT = re.compile(r"--mount=(\S+)")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage: what it stands on, what it takes from others and from the context."""

    name: str
    base: str
    instructions: tuple[str, ...]
    others: tuple[str, ...]
    paths: tuple[str, ...]


def parse(text: str, arguments: Mapping[str, str]) -> dict[str, Stage]:
    """All stages by name; `arguments` are those of the build."""
    known: dict[str, str] = {}
    groups: list[list[str]] = []
    for _, instruction in _instructions(text):
        word, _, rest = instruction.partition(" ")
        if word.upper() == "FROM":
            groups.append([instruction])
        elif groups:
            groups[-1].append(instruction)
        elif word.upper() == "ARG":
            name, _, value = rest.partition("=")
            known[name] = arguments.get(name, value.strip('"'))
    stages = (_stage(group, known, number) for number, group in enumerate(groups))
    return {stage.name: stage for stage in stages}


def closure(stages: Mapping[str, Stage], target: str) -> tuple[Stage, ...]:
    """A target and all stages that it needs, those that it stands on first.

    Raises `ImageError` without the target.
    """
    if target not in stages:
        raise ImageError(
            f"the Dockerfile has no target {target}",
            checked=f"its stages are {', '.join(stages)}",
            remedy="git checkout Dockerfiles",
        )
    found: dict[str, Stage] = {}

    def visit(name: str) -> None:
        stage = stages.get(name)
        if stage is not None and name not in found:
            for other in (stage.base, *stage.others):
                visit(other)
            found[name] = stage

    visit(target)
    return tuple(found.values())


def locate(text: str, stage: str, instruction: str) -> int:
    """The line where an instruction of a stage begins; 0 where it is not found."""
    wanted = " ".join(instruction.split())
    within = ""
    for line, found in _instructions(text):
        head = _FROM.match(found)
        if head:
            within = head["name"] or ""
        if " ".join(found.split()) == wanted and stage in ("", within):
            return line
    return 0


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Each instruction as one line without comments, and where it begins."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        first = first or number
        parts.append(bare.removesuffix("\\").rstrip())
        if not bare.endswith("\\"):
            yield first, " ".join(parts)
            parts.clear()
            first = 0


def _stage(group: list[str], known: Mapping[str, str], number: int) -> Stage:
    head = _FROM.match(_filled(group[0], known))
    if head is None:
        raise ImageError(f"the Dockerfile has a stage that nobody can read: {group[0]}")
    others: list[str] = []
    paths: list[str] = []
    for instruction in group[1:]:
        for other, path in _taken(instruction):
            if other:
                others.append(_filled(other, known))
            else:
                paths.append(path)
    return Stage(
        name=head["name"] or str(number),
        base=head["base"],
        instructions=(head.group(0), *group[1:]),
        others=tuple(others),
        paths=tuple(paths),
    )


def _taken(instruction: str) -> Iterator[tuple[str, str]]:
    """What an instruction takes: (stage, "") or ("", path in the context)."""
    copy = _COPY.match(instruction)
    if copy:
        words = copy["rest"].split()
        options = dict(word[2:].split("=", 1) for word in words if word[:2] == "--")
        if "from" in options:
            yield options["from"], ""
        else:
            plain = [word for word in words if word[:2] != "--"]
            yield from (("", path) for path in plain[:-1])
    for mount in _MOUNT.findall(instruction):
        fields = dict(field.partition("=")[::2] for field in mount.split(","))
        if fields.get("type", "bind") == "bind":
            other = fields.get("from", "")
            yield other, "" if other else fields.get("source", ".")


def _filled(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda m: known.get(m[1] or m[2], m[0]), text)
