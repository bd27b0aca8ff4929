# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are made for development, and checked elsewhere."""

import stat
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.stack import secrets

GOOD = {
    "database_password": "hZ3vB8qLw0Xn5RtYk2Mf",
    "portal_database_password": "Rb5xQ0mZt8Wc2LyKp7Vd",
    "api_database_password": "Jn4sUe9Hf1Gq6BaXo3Tz",
    "admin_password": "t9Kp4WcGd7JsQ1bVx6Ne",
    "processing_password": "c8Mv2EjSr5DyIu0KwA7h",
    "session_secret": "m2Yf8RzUh5TaLo3Ei0Pq-g6Jd1WbNx7Sk4",
}


def write(base: Path, **changes: str | None) -> Path:
    place = base / "secrets" / "production"
    place.mkdir(parents=True)
    for name, text in {**GOOD, **changes}.items():
        if text is not None:
            (place / name).write_text(text + "\n")
            (place / name).chmod(0o600)
    return place


def test_development_makes_its_own_once(tmp_path: Path) -> None:
    made = secrets.ensure(tmp_path, "development")
    assert set(made) == set(secrets.NAMES)
    assert len(set(made.values())) == len(secrets.NAMES)
    assert secrets.ensure(tmp_path, "development") == made
    place = secrets.directory(tmp_path, "development")
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    for path in place.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {path.name for path in place.iterdir()} == set(secrets.NAMES)


def test_what_development_makes_would_do_for_production(tmp_path: Path) -> None:
    for value in secrets.ensure(tmp_path, "development").values():
        assert not secrets.shape(value)
        assert not secrets.weakness(value, 0o600)


def test_development_keeps_what_was_chosen(tmp_path: Path) -> None:
    place = secrets.directory(tmp_path, "development")
    place.mkdir(parents=True)
    (place / "admin_password").write_text("admin\n")
    assert secrets.ensure(tmp_path, "development")["admin_password"] == "admin"


def test_production_takes_good_ones(tmp_path: Path) -> None:
    write(tmp_path)
    assert secrets.ensure(tmp_path, "production") == GOOD


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "is missing"),
        ("", "is empty"),
        ("short", "is shorter"),
        ("password", "is shorter"),
        ("s0secret!!s0secret!!", "can be guessed"),
        ("changeme-password-admin", "can be guessed"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "can be guessed"),
        ("two\nlines-of-a-long-text", "several lines"),
        ("with a space in the middle", "or a space"),
        ("dollar$sign-is-not-taken", "or a space"),
        (GOOD["admin_password"], "database_password is the same as another one"),
    ],
)
def test_production_refuses(tmp_path: Path, text: str | None, problem: str) -> None:
    write(tmp_path, database_password=text)
    with pytest.raises(ConfigError) as caught:
        secrets.ensure(tmp_path, "production")
    assert problem in caught.value.message
    place = tmp_path / "secrets" / "production"
    first = f"rm {place}/database_password; " if text is not None else ""
    assert caught.value.remedy == f"{first}harness secrets init"
    if text and text not in GOOD.values():
        assert f" {text}\n" not in str(caught.value)


def test_one_command_makes_what_lacks_and_replaces_nothing(tmp_path: Path) -> None:
    """Who has the secrets of former days gets the new ones, and only these."""
    old = {"portal_database_password": None, "processing_password": None}
    place = write(tmp_path, **old)
    assert secrets.create(place, secrets.NAMES) == list(old)
    made = secrets.ensure(tmp_path, "production")
    assert {**GOOD, **{name: made[name] for name in old}} == made
    assert secrets.create(place, secrets.NAMES) == []


def test_a_mail_server_may_have_a_secret(tmp_path: Path) -> None:
    place = write(tmp_path, **{secrets.MAIL: "smtp://me:pass$word@mail.example.org"})
    assert secrets.ensure(tmp_path, "production")[secrets.MAIL].endswith("example.org")
    (place / secrets.MAIL).chmod(0o640)
    with pytest.raises(ConfigError, match="portal_smtp may be read") as caught:
        secrets.ensure(tmp_path, "production")
    assert caught.value.remedy == f"chmod 600 {place}/{secrets.MAIL}"


def test_the_session_secret_is_longer(tmp_path: Path) -> None:
    write(tmp_path, session_secret="m2Yf8RzUh5TaLo3Ei0Pq")
    with pytest.raises(ConfigError, match="session_secret is shorter than 32"):
        secrets.ensure(tmp_path, "production")


def test_production_refuses_what_others_may_read(tmp_path: Path) -> None:
    (write(tmp_path) / "admin_password").chmod(0o644)
    with pytest.raises(ConfigError, match="mode 0644"):
        secrets.ensure(tmp_path, "production")


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_nothing_is_made_elsewhere(tmp_path: Path, environment: str) -> None:
    with pytest.raises(ConfigError, match="missing"):
        secrets.ensure(tmp_path, environment)
    assert not (tmp_path / "secrets").exists()
