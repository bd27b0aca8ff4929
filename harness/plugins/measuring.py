# SPDX-License-Identifier: GPL-3.0-or-later
"""How coverage is measured: as the source's own configuration says, for the harness.

What is measured and where the data go is the harness's.  The rest is the source's:
what is omitted, concurrency, patches.  It is written to a file, for processes that
tests start (``patch = ["subprocess"]``, ``concurrency = ["multiprocessing"]``) read it.
"""

from __future__ import annotations

import atexit
import sys
from configparser import RawConfigParser
from typing import Any, Mapping

from harness.plugins.unpatched import json, os

COVERAGE = "HARNESS_COVERAGE"
"""JSON: ``data`` (file name to begin with), ``sources`` (directories), ``settings``
(the file that configures coverage for them, or nothing), ``apart`` (whether it is to be
known of each test what it covers)."""
OWN = (
    "concurrency", "patch", "sigterm", "plugins", "dynamic_context", "context", "core",
    "timid", "disable_warnings", "debug",
)  # fmt: skip
"""What of ``[run]`` is left to the source."""
MEASURING: list[Any] = []
"""The coverage of this process, and of its forks, where it is to be told apart."""


def measure() -> None:
    """Measure branch coverage in this process and the workers forked from it."""
    order = json.loads(os.environ.get(COVERAGE) or "null")
    if order is None:
        return
    from coverage import Coverage

    coverage = Coverage(data_suffix=True, config_file=written(order), messages=False)
    # A process without code that is measured is normal, as in coverage's own
    # `process_startup`:
    # https://github.com/nedbat/coveragepy/blob/7.11.0/coverage/control.py
    coverage._warn_no_data = False
    coverage.start()
    if order["apart"]:
        MEASURING.append(coverage)

    def stop() -> None:
        coverage.stop()
        coverage.save()

    atexit.register(stop)


def belongs(context: str) -> None:
    """What is covered from now on is that of a test, or (empty) of all."""
    for one in MEASURING:
        one.switch_context(context)


def written(order: Mapping[str, Any]) -> str:
    """Write the configuration of an `order` beside its data; its path."""
    from coverage import Coverage

    found = Coverage(config_file=order["settings"] or False)
    values = {name: _option(found, name) for name in OWN}
    home = os.path.dirname(order["settings"])
    omitted = [f"{source}/tests/*" for source in order["sources"]]
    omitted += [
        one if one.startswith("*") else os.path.join(home, one)
        for one in _option(found, "omit") or ()
    ]
    values.update(
        branch=True, parallel=True, data_file=order["data"], omit=omitted,
        source=order["sources"],
    )  # fmt: skip
    if order["apart"]:
        values["context"] = values["dynamic_context"] = None
        if sys.version_info >= (3, 12):  # `sys.monitoring` tells of each line once
            values["core"] = "ctrace"
    parser = RawConfigParser()
    parser["run"] = {
        name: _text(value) for name, value in values.items() if value not in (None, [])
    }
    path = f"{order['data']}.{os.getpid()}.rc"
    with open(path, "w", encoding="utf-8") as stream:
        parser.write(stream)
    return path


def _option(found: Any, name: str) -> Any:
    from coverage.exceptions import ConfigError  # which is no CoverageException

    try:
        return found.get_option(f"run:{name}")
    except ConfigError:
        return None  # an older one does not know it


def _text(value: Any) -> str:
    text = "\n".join(value) if isinstance(value, (list, tuple)) else str(value)
    return text.replace("$", "$$")  # coverage puts variables in
