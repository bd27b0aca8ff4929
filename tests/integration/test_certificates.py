# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of all kinds, as openssl makes them: what is said of each."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.stack.certificates import DAY, Pair, require

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed"
)
NAMES = ("society.example", "api.society.example")
MADE = (
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
    "-nodes", "-subj", "/CN=society", "-days", "90",
)  # fmt: skip


def certificate(place: Path, *names: str, more: tuple[str, ...] = MADE) -> Pair:
    """A certificate of ninety days for these names."""
    place.mkdir(parents=True, exist_ok=True)
    alternatives = ",".join(f"DNS:{one}" for one in names)
    words = ["-keyout", "tls_key", "-out", "tls_certificate"]
    words += ["-addext", f"subjectAltName={alternatives}"]
    subprocess.run(
        ["openssl", *more, *words], cwd=place, check=True, capture_output=True
    )
    (place / "tls_key").chmod(0o600)
    return Pair(place=place)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return certificate(tmp_path_factory.mktemp("good"), *NAMES)


def said(pair: Pair, *names: str, after: float = 0) -> str:
    """What is wrong, or what is warned of."""
    try:
        return require(pair, names or NAMES, now=time.time() + after * DAY)
    except ConfigError as error:
        return f"{error}, exit code {error.code:d}"


def changed(pair: Pair, place: Path, **texts: str | None) -> Pair:
    """A copy with other files."""
    shutil.copytree(pair.place, place)
    for name, text in texts.items():
        (place / name).unlink()
        if text is not None:
            (place / name).write_text(text)
            (place / name).chmod(0o600)
    return Pair(place=place)


def test_a_good_one_is_taken(good: Pair, tmp_path: Path) -> None:
    assert good.given
    assert said(good) == ""
    wide = certificate(tmp_path, "*.society.example")
    assert said(wide, "api.society.example", "*.society.example") == ""
    assert "not for society.example" in said(wide)
    assert not Pair(place=tmp_path / "none").given


@pytest.mark.parametrize(
    ("after", "expected"),
    [(80, "runs out in 9 days"), (91, "has run out on 2"), (-1, "not valid before 2")],
)
def test_dates(good: Pair, after: float, expected: str) -> None:
    assert expected in said(good, after=after)


def test_all_other_names_are_named(good: Pair) -> None:
    told = said(good, "a.example", NAMES[0], "b.example", after=91)
    assert f"is for {NAMES[0]}, {NAMES[1]}, not for a.example, b.example" in told
    assert "has run out" in told
    assert "fullchain.pem" in told
    assert told.endswith("exit code 2")


def test_files_that_do_not_go_together(good: Pair, tmp_path: Path) -> None:
    other = certificate(tmp_path / "other", *NAMES)
    mixed = changed(good, tmp_path / "mixed", tls_key=other.key.read_text())
    assert "tls_key is not the key of tls_certificate" in said(mixed)
    alone = changed(good, tmp_path / "alone", tls_key=None)
    assert alone.given
    assert "tls_key is missing" in said(alone)
    bare = changed(good, tmp_path / "bare", tls_certificate=None)
    assert "tls_certificate is missing" in said(bare)
    nothing = changed(good, tmp_path / "nothing", tls_certificate="x")
    assert "is no certificate in PEM" in said(nothing)
    cut = good.certificate.read_text()[:200]
    assert "cannot be used" in said(
        changed(good, tmp_path / "cut", tls_certificate=cut)
    )
    loose = changed(good, tmp_path / "loose")
    loose.key.chmod(0o644)
    assert "chmod 600" in said(loose)
    locked = [one for one in MADE if one != "-nodes"] + ["-passout", "pass:hush-hush"]
    closed = certificate(tmp_path / "closed", *NAMES, more=tuple(locked))
    assert "has a passphrase" in said(closed)


def test_who_has_issued_it_is_wanted_too(good: Pair, tmp_path: Path) -> None:
    """A leaf without its chain is refused by browsers that have not met the issuer."""
    issuer = ("-subj", "/CN=leaf", "-CA", good.certificate, "-CAkey", good.key)
    leaf = certificate(tmp_path / "leaf", *NAMES, more=(*MADE, *map(str, issuer)))
    assert "has no chain" in said(leaf)
    chain = leaf.certificate.read_text() + good.certificate.read_text()
    assert said(changed(leaf, tmp_path / "chain", tls_certificate=chain)) == ""
