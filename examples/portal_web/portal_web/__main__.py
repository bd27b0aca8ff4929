# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m portal_web serve``: the application behind a server."""

from __future__ import annotations

import argparse
import configparser
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import waitress

from . import main as make_app
from .settings import SettingsError

MEGABYTE = 1 << 20


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="portal_web", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve one of the applications")
    serve.add_argument("--service", choices=("portal", "api"))
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=6543, help="0: any that is free")
    serve.add_argument("--threads", type=int, default=8)
    serve.add_argument("--config", type=Path, help="an ini file, section [app:main]")
    serve.add_argument(
        "--proxy", help="the address of the proxy whose headers count; * for any"
    )
    return made


def read(path: Path | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of an ini file, in which ``%(NAME)s`` is a variable.

    Raises `SettingsError` for a file that is none.
    """
    if path is None:
        return {}
    document = configparser.ConfigParser()
    document.optionxform = str  # type: ignore[assignment,method-assign]
    variables = {name: value.replace("%", "%%") for name, value in environ.items()}
    try:
        document.read_dict({"DEFAULT": variables})
        with path.open(encoding="utf-8") as lines:
            document.read_file(lines)
        section = document["app:main"]
        return {k: section[k] for k in section if k not in environ and k != "use"}
    except KeyError:
        raise SettingsError(f"{path} has no section [app:main]") from None
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise SettingsError(f"{path}: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; the exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        settings: dict[str, Any] = dict(read(options.config, os.environ))
        if options.service:
            settings["service"] = options.service
        app = make_app(None, **settings)
    except (SettingsError, LookupError) as error:
        sys.stderr.write(f"portal_web: {error}\n")
        return 2
    proxy: dict[str, Any] = {}
    if options.proxy:
        proxy = {
            "trusted_proxy": options.proxy,
            "trusted_proxy_headers": "x-forwarded-proto x-forwarded-for",
        }
    waitress.serve(
        app,
        host=options.host,
        port=options.port,
        threads=options.threads,
        clear_untrusted_proxy_headers=True,
        max_request_body_size=1024 * MEGABYTE,
        ident=None,
        **proxy,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
