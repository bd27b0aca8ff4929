# SPDX-License-Identifier: GPL-3.0-or-later
"""The data about release series and official modules."""

import pytest

from harness import series
from harness.errors import UsageError


def test_series_are_known_oldest_first() -> None:
    names = list(series.all_series())
    assert names[:3] == ["6.0", "6.2", "6.4"]
    assert names == sorted(names, key=lambda name: [int(n) for n in name.split(".")])


@pytest.mark.parametrize("one", series.all_series().values(), ids=lambda one: one.name)
def test_each_series_is_complete(one: series.Series) -> None:
    first, last = one.python
    assert 7 < first <= last < 20
    assert one.driver.startswith(("psycopg2-binary", "psycopg["))


def test_find() -> None:
    found = series.find("6.6")
    assert found.name == "6.6"
    assert found.python == (8, 11)
    assert "setuptools<82" in found.constraints
    assert any(line.startswith("setuptools") for line in found.requirements)
    assert series.find("7.0").requirements == ()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("5.8", "runs on no Python"),
        ("7.1", "under development"),
        ("7.10", "did you mean 7."),
        ("7.00", "did you mean 7.0?"),
        ("seven", "--series"),
    ],
)
def test_an_unknown_series(name: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=f"no Tryton series '{name}'") as caught:
        series.find(name)
    assert remedy in caught.value.remedy
    assert "6.6, 6.8, 7.0" in caught.value.checked


def test_official_modules() -> None:
    names = series.official()
    assert {"party", "account_invoice", "company", "country", "currency"} <= names
    assert not {name for name in names if name.strip() != name or "#" in name}
    assert {name.lower() for name in names} == names
    assert not names & {"ir", "res", "collecting_society"}
