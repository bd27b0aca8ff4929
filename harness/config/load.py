# SPDX-License-Identifier: GPL-3.0-or-later
"""The cascade: file, environment and options become one checked configuration."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from harness.config import check, document, profiles
from harness.config.cascade import Cascade, Overrides
from harness.config.names import FILE, FOUND, PREFIX, PROFILE
from harness.config.schema import NAMED, SECTIONS, Config, kinds_of
from harness.errors import ConfigError


def load(
    root: Path,
    environ: Mapping[str, str],
    overrides: Overrides,
    *,
    found: Mapping[str, object] | None = None,
) -> Config:
    """The configuration of the stack in `root`.

    `overrides` has, per dotted key, a value (or its text) and the name of the
    option it came from; `found` stands for the file where there is none.  All
    problems are raised together, as one ConfigError.
    """
    cascade = Cascade()
    if environ.get("CI") == "true":
        cascade.values["exact"] = True, "CI"
    if found is None:
        rest = cascade.add_tables(document.read(root), FILE, [PROFILE])
    else:
        rest = cascade.add_tables(found, FOUND)
    profiles.lay_over(
        cascade,
        rest.get(PROFILE, {}),
        root=root,
        environ=environ,
        overrides=overrides,
    )
    cascade.add_environ(environ)
    cascade.add_overrides(overrides)
    config = _assembled(root, cascade)
    problems = [*cascade.problems, *check.problems(config)]
    if problems:
        profiles.refuse_lacking(root, rest, config.profile)
        many = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ConfigError(
            f"the configuration has {many}:{lines}",
            checked=f"{root / FILE}, the variables {PREFIX}*, the command line",
            remedy="correct each line above at the place that it names",
        )
    return config


def _assembled(root: Path, cascade: Cascade) -> Config:
    def settings(table: type, prefix: str) -> dict[str, object]:
        known = ((name, prefix + name) for name in kinds_of(table))
        values = cascade.values
        return {name: values[key][0] for name, key in known if key in values}

    tables: dict[str, object] = {
        section: table(**settings(table, f"{section}."))
        for section, table in SECTIONS.items()
    }
    for section, table in NAMED.items():
        named = {
            name: table(**settings(table, f"{section}.{name}."))
            for name in cascade.names.get(section, ())
        }
        tables[section] = MappingProxyType(named)
    origins = {key: source for key, (_, source) in cascade.values.items()}
    make: type = Config
    config: Config = make(
        root=root,
        origins=MappingProxyType(origins),
        **settings(Config, ""),
        **tables,
    )
    return config
