# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the user that processing is, or gives it its password and groups of today.

``worker.py --database NAME --login LOGIN --group MODULE.ID ...``; the password comes
from the secret ``processing_password``.  A group that the database does not have ends
it with the line ``no group MODULE.ID`` and the code 3; nothing is changed then.

With ``--secret admin_password`` a user that is there is given that secret's password,
and nothing else: if it has it already, nothing is written.
"""

import argparse
import os
import sys
from pathlib import Path

from trytond.config import config

SECRETS = Path("/run/secrets")
OWN = "processing_password"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--database", required=True)
    made.add_argument("--login", required=True)
    made.add_argument("--group", action="append", default=[])
    made.add_argument("--secret", default=OWN)
    return made


def employ(pool, login: str, groups: list[str]) -> int:
    """Inside of a transaction; the exit code."""
    User, ModelData = pool.get("res.user"), pool.get("ir.model.data")
    found = []
    for name in groups:
        try:
            found.append(ModelData.get_id(*name.split(".", 1)))
        except KeyError:
            sys.stdout.write(f"no group {name}\n")
            return 3
    users = User.search([("login", "=", login)])
    user = users[0] if users else User(login=login, name="Processing")
    user.active = True
    user.groups = found
    user.password = told(OWN)
    user.save()
    return 0


def admit(pool, login: str, secret: str) -> int:
    """Inside of a transaction; the exit code."""
    User = pool.get("res.user")
    users = User.search([("login", "=", login)])
    if not users:
        sys.stdout.write(f"no user {login}\n")
        return 3
    if not has(User, login, told(secret)):
        users[0].password = told(secret)
        users[0].save()
    return 0


def has(User, login: str, password: str) -> bool:
    """Whether it is this user's password."""
    known = User._get_login(login)[1]
    try:
        return bool(known) and bool(User.check_password(password, known)[0])
    except (AttributeError, ValueError):  # nothing of trytond's has made that hash
        return False


def told(secret: str) -> str:
    """A secret."""
    return (SECRETS / secret).read_text("utf-8").strip()


def main() -> int:
    """Do it in one transaction."""
    options = parser().parse_args()
    config.update_etc(os.environ.get("TRYTOND_CONFIG"))  # noqa: TID251 (a program of its own)
    from trytond.pool import Pool  # after the configuration is read
    from trytond.transaction import Transaction

    pool = Pool(options.database)
    pool.init()
    with Transaction().start(
        options.database, 0, context={"active_test": False}
    ) as transaction:
        if options.secret == OWN:
            code = employ(pool, options.login, options.group)
        else:
            code = admit(pool, options.login, options.secret)
        if code:
            transaction.rollback()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
