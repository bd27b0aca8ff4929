# SPDX-License-Identifier: GPL-3.0-or-later
"""From an artist to a release that everybody finds; in pytest's style."""

from __future__ import annotations

import io
import json
import math
import os
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from trytond.pool import Pool
from trytond.transaction import Transaction

from portal_web.tests.integration.pages import ADA, Portal

SECONDS = 2


def sound(pitch: int) -> bytes:
    """A tone, as a WAV file."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        samples = (
            round(9000 * math.sin(2 * math.pi * pitch * n / 8000))
            for n in range(8000 * SECONDS)
        )
        file.writeframes(b"".join(struct.pack("<h", one) for one in samples))
    return target.getvalue()


def read(url: str) -> Any:
    """What the API answers."""
    with urlopen(url, timeout=20) as answer:
        return json.load(answer)


def enrol(code: str) -> None:
    """What the society does with a creation that was submitted."""
    name = os.environ["DB_NAME"]
    Pool(name).init()
    with Transaction().start(name, 1) as transaction:
        Creation = Pool(name).get("collecting_society.creation")
        Creation.enrol(Creation.search([("code", "=", code)]))
        transaction.commit()


class TestEnglish:
    def test_from_artist_to_api(self, portal, api_url, process, tmp_path):
        go_all_the_way(
            portal, api_url, process, tmp_path, "en", size="lg", archived="Archived"
        )


class TestGerman:
    def test_from_artist_to_api(self, portal, api_url, process, tmp_path):
        go_all_the_way(
            portal, api_url, process, tmp_path, "de", size="xs", archived="Archiviert"
        )


def go_all_the_way(
    portal: Portal,
    api_url: str,
    process: Callable[[], None],
    tmp_path: Path,
    language: str,
    *,
    size: str,
    archived: str,
) -> None:
    name = f"Nightingale {language}"
    portal.browser.resize(size)
    portal.log_in(ADA)
    portal.speak(language)

    portal.save("/artists/new", name=name, kind="solo")
    portal.save("/creations/new", title="First Light", artist=name)
    creation = portal.code
    portal.fill(contributor=name, role=portal.first("role"))
    portal.fill(performing=100, mechanical=100)
    portal.submit("#contribution-form")
    portal.fill(licence=portal.first("licence"))
    portal.submit("#licence-form")
    portal.follow("form[action$=submit] button")
    enrol(creation)

    release = portal.save(
        "/releases/new",
        title="Dawn",
        artist=name,
        type="single",
        release_date="2025-05-05",
    )
    portal.fill(creation=creation)
    portal.submit("form.main")
    assert portal.texts("#tracks li span")[0] == "First Light"
    assert read(f"{api_url}/v1/releases?q=Dawn")["items"] == []

    file = tmp_path / "first.wav"
    file.write_bytes(sound(440 if language == "en" else 550))
    portal.open("/uploads/new")
    portal.fill(category="audio", file=file)
    portal.submit()
    assert portal.at == "/uploads"
    process()
    portal.open("/uploads")
    assert portal.text("#list .tag") == archived
    place = Path(os.environ["PROCESSING_FILES"], "archived")
    [kept] = [one for one in place.rglob("*") if one.is_file()]
    assert kept.read_bytes() == file.read_bytes()

    portal.open(f"/releases/{release}")
    portal.follow("form[action$=announce] button")
    portal.follow("form[action$=publish] button")
    code = portal.code
    [found] = read(f"{api_url}/v1/releases?q=Dawn")["items"]
    assert found["code"] == code
    assert read(f"{api_url}/v1/releases/{code}")["tracks"][0]["title"] == "First Light"


class TestRefused:
    def test_a_file_that_is_none(self, portal: Portal, tmp_path: Path) -> None:
        file = tmp_path / "song.wav"
        file.write_text("not a sound")
        portal.log_in(ADA)
        portal.open("/uploads/new")
        portal.fill(category="audio", file=file)
        portal.submit()
        assert portal.find("#file").get_attribute("aria-invalid") == "true"
