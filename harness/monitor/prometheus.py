# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples in Prometheus' text format, such as its node exporter reads from files."""

from collections.abc import Iterator, Sequence
from typing import Final

from harness.monitor.base import Sample

METRICS: Final = {
    "user": ("user_seconds_total", "counter"),
    "system": ("system_seconds_total", "counter"),
    "rss": ("resident_bytes", "gauge"),
    "cache": ("cache_bytes", "gauge"),
    "received": ("received_bytes_total", "counter"),
    "sent": ("sent_bytes_total", "counter"),
    "read": ("disk_read_bytes_total", "counter"),
    "written": ("disk_written_bytes_total", "counter"),
    "restarts": ("restarts_total", "counter"),
    "processes": ("processes", "gauge"),
    "well": ("up", "gauge"),
}
"""What a sample has, and the name and kind of the metric."""


def exposition(samples: Sequence[Sample]) -> Iterator[str]:
    """The lines; what nobody can say of a sample has none."""
    for field, (name, kind) in METRICS.items():
        yield f"# TYPE harness_{name} {kind}"
        for one in samples:
            value = getattr(one, field)
            if value is not None:
                labels = f'service="{_text(one.service)}",name="{_text(one.name)}"'
                yield f"harness_{name}{{{labels}}} {value}"


def _text(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
