# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits for a watch that builds layers, and makes these useless."""

from typing import Any

import pytest

from harness.run.events import Event, Events


class Layer:
    def __init__(self, *changes: str) -> None:
        self.found = changes
        self.asked = 0

    def changes(self) -> list[str]:
        self.asked += 1
        return list(self.found)


@pytest.mark.parametrize(
    ("event", "changes", "useless"),
    [
        (("saved", frozenset()), ["file a.py changed"], True),
        (("saved", frozenset()), [], False),
        (("key", "q"), [], True),
        (("key", "a"), ["file a.py changed"], False),
        (("ended", (1, None)), ["file a.py changed"], False),
    ],
)
def test_a_save_of_what_it_is_made_of_or_the_end(
    event: Event, changes: list[str], *, useless: bool
) -> None:
    events, layer = Events(), Layer(*changes)
    layers: Any = [layer]
    assert not events.supersede(layers)
    events.put(event)
    assert events.supersede(layers) is useless
    assert not events.supersede(layers), "it is asked once of each event"
    assert layer.asked == (event[0] == "saved")
    assert events.get() == event


def test_the_first_of_a_kind_is_taken_before_others() -> None:
    events = Events()
    for event in (("key", "a"), ("ended", 1), ("ended", 2)):
        events.put(event)
    assert events.take("ended") == 1
    assert [events.get(), events.get()] == [("key", "a"), ("ended", 2)]
