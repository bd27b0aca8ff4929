# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in an image, as a CycloneDX document: packages of Debian and of Python."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from harness.engine import Engine

SCRIPT: Final = r"""
dpkg-query --show --showformat='deb\t${Package}\t${Version}\t${Architecture}\n'
if command -v python3 >/dev/null; then python3 -c '
import importlib.metadata as known
for one in known.distributions():
    print("pypi", one.metadata["Name"], one.version, "", sep="\t")
'; fi
"""
"""A shell's words inside: one line for each."""


def ask(engine: Engine, image: str) -> str:
    """What `SCRIPT` says in an image, which is reached by nobody meanwhile."""
    words = ("run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c")
    return engine.run(*words, SCRIPT).stdout


def document(said: str, image: str, digest: str, release: str) -> dict[str, Any]:
    """The document of an image of a Debian `release`.

    It is the same each time, so that two can be compared.
    """
    components = {one["bom-ref"]: one for one in _components(said, release)}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container", "bom-ref": image, "name": image, "version": digest,
            },
        },
        "components": [components[one] for one in sorted(components)],
    }  # fmt: skip


def _components(said: str, release: str) -> Iterator[dict[str, str]]:
    for line in said.splitlines():
        kind, name, version, architecture = line.split("\t")
        space, more = "", ""
        if kind == "deb":
            space, more = "debian/", f"?arch={architecture}&distro={release}"
        else:
            name = name.lower().replace("_", "-")
        url = f"pkg:{kind}/{space}{quote(name)}@{quote(version, safe='')}{more}"
        yield {"type": "library", "bom-ref": url, "name": name, "version": version,
               "purl": url}  # fmt: skip
