# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of contents, as the schema of CycloneDX wants them."""

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from harness.images import contents

SAID = (
    "deb\tlibc6\t2.36-9+deb12u1\tamd64\n"
    "deb\tperl-base\t1:5.36~x\tamd64\n"
    "pypi\tZope_Thing\t1.0+local\t\n"
    "pypi\tzope-thing\t1.0+local\t\n"
)


def test_a_list_of_contents() -> None:
    made = contents.document(SAID, "x/portal:production", "sha256:12", "bookworm")
    assert [one["purl"] for one in made["components"]] == [
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=bookworm",
        "pkg:deb/debian/perl-base@1%3A5.36~x?arch=amd64&distro=bookworm",
        "pkg:pypi/zope-thing@1.0%2Blocal",
    ]
    assert made["metadata"]["component"]["version"] == "sha256:12"
    wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(json.dumps(made))
    assert wrong is None
