# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's database: made whole under another name, renamed last.

So a database that has its name is complete, however the making of it ended.  A
finished one is dumped into the state directory, under a digest of all that made
it: the next empty stack on this machine restores it.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from harness import proc
from harness.errors import CommandFailed, DatabaseError, HarnessError
from harness.stack import programs, roles
from harness.stack.compose import ROOT, Compose
from harness.stack.recipe import StackRecipe, mark
from harness.store import Store, noting
from harness.template.layer import Program

BUILDING: Final = "building_"
"""Before the name of a database that is not whole."""
KEPT: Final = 3
"""Dumps that are kept; they have a megabyte each."""
DEADLINE: Final = 900.0
"""Seconds that the activation of modules may take."""
SCRIPT: Final = "/opt/initialise"
PSQL: Final = (
    "exec", "-T", "db", "psql", "--no-psqlrc", "--quiet", "--tuples-only",
    "--no-align", "--set=ON_ERROR_STOP=1",
)  # fmt: skip
QUICKLY: Final = "-c synchronous_commit=off -c jit=off"
"""Settings of the sessions that fill a database that is thrown away if they fail."""

Listener = Callable[[str], None]


def activating(modules: Sequence[str]) -> tuple[str, ...]:
    """The words of ``trytond-admin`` that activate or update modules."""
    more = ("--activate-dependencies", "--email", "admin@localhost")
    return ("--update", *modules, *more)


class StackDatabase:
    """The database `name` of a stack whose ``db`` runs."""

    def __init__(
        self,
        compose: Compose,
        store: Store,
        *,
        name: str,
        script: Path,
        accelerate: Path | None,
    ) -> None:
        """`script` is what activates; `accelerate` what may make that faster."""
        self.compose = compose
        self.store = store
        self.name = name
        self.script = script
        self.accelerate = accelerate
        self.unkept: HarnessError | None = None
        """Why there is no dump of what was made."""

    def sql(self, database: str, *statements: str, user: str = "") -> list[str]:
        """Run statements, as the superuser without a `user`; the words they answer."""
        words = [part for one in statements for part in ("--command", one)]
        if user:
            words.append(f"--username={user}")
        done = self.compose.run(*PSQL, f"--dbname={database}", *words)
        return done.stdout.split()

    def unseen(self, database: str, text: str) -> list[str]:
        """`sql` that no list of processes may show."""
        argv = self.compose.argv(*PSQL, f"--dbname={database}", "--file=-")
        with proc.Child(
            argv, env=self.compose.env, cwd=ROOT,
            stdin=proc.PIPE, stdout=proc.PIPE, stderr=proc.STDOUT,
        ) as child:  # fmt: skip
            said, _ = child.process.communicate(text.encode())
            if child.code():
                raise CommandFailed(said.decode(errors="replace").strip())
            return said.decode().split()

    def names(self, *, patience: float) -> list[str]:
        """All databases, once the server answers; `patience` in seconds.

        A superuser of a server that was made before there were roles is renamed.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                return self.sql("postgres", "SELECT datname FROM pg_database")
            except CommandFailed as error:
                if f'role "{roles.SUPERUSER}" does not exist' in str(error):
                    for user, statement in roles.renamed():
                        self.sql("postgres", statement, user=user)
                    continue
                running = [c.state for c in self.compose.ps() if c.service == "db"]
                if time.monotonic() > deadline or "running" not in running:
                    raise DatabaseError(
                        "the stack's database server does not answer",
                        checked=str(error).strip().splitlines()[-1],
                        remedy="harness logs db says why",
                    ) from error
                time.sleep(0.1)

    def protect(self, name: str) -> None:
        """Set who may do what in a database."""
        self.sql(name, roles.rights(used=name.removeprefix(BUILDING) == self.name))

    def missing(self, modules: Sequence[str]) -> list[str]:
        """Those of `modules` that are not activated in the database.

        Raises `DatabaseError` where it is no database of Tryton's.
        """
        try:
            active = self.sql(
                self.name,
                "SELECT name FROM ir_module WHERE state = 'activated'",
                user=roles.OWNER,
            )
        except CommandFailed as error:
            raise DatabaseError(
                f"the database {self.name} of the stack is none of Tryton's",
                checked=str(error).strip().splitlines()[-1],
                remedy="begin anew (all its data go): harness down --volumes",
            ) from error
        return [name for name in modules if name not in active]

    def create(self, recipe: StackRecipe, password: str, listener: Listener) -> str:
        """Make it, from a dump if there is one; says which.

        `password` is that of admin: a dump with another one is given this one.
        """
        new = BUILDING + self.name
        how = self.fill(new, recipe, password, listener)
        self.protect(new)
        self.sql("postgres", f'ALTER DATABASE "{new}" RENAME TO "{self.name}"')
        return how

    def fill(
        self, new: str, recipe: StackRecipe, password: str, listener: Listener
    ) -> str:
        """Make `new`, whatever is in it, as `create` does."""
        self._recreate(new)
        place = self.store.directory("stack", "dumps")
        own = place / f"{recipe.digest}-{mark(recipe, password)}.dump"
        for dump in sorted(self.dumps(recipe), key=own.__ne__):
            if self._restored(dump, new):
                if dump != own:
                    self.admin(new, "--password", listener=listener)
                return "restored"
        self.activate(new, recipe.modules, listener)
        for program in recipe.programs:
            self.run(new, program, listener)
        if recipe.holds():  # else it is not what the dump would be called
            errors: list[HarnessError] = []
            with noting(errors):
                self._dump(new, own)
            self.unkept = next(iter(errors), None)
        return "made"

    def dumps(self, recipe: StackRecipe) -> list[Path]:
        """Those that there are of it; with other passwords of admin, too."""
        return [*self.store.directory("stack", "dumps").glob(f"{recipe.digest}-*.dump")]

    def activate(
        self, database: str, modules: Sequence[str], listener: Listener
    ) -> None:
        """Activate modules and all they depend on; an empty database is filled."""
        self.admin(database, *activating(modules), listener=listener)

    def admin(self, database: str, *words: str, listener: Listener) -> None:
        """Call ``trytond-admin`` in a container of its own."""
        what = f"the modules cannot be activated in {self.name}"
        self._follow(self.command(database, *words), listener, what)

    def run(self, new: str, program: Program, listener: Listener) -> None:
        """Run a program on a database that has its modules."""
        what, far = f"{program.name} cannot fill {self.name}", self._far
        argv = programs.words(self._begun(new), new, program, far=far)
        with programs.given(program, far=far) as given:
            self._follow(argv, listener, what, given)

    def forget(self) -> None:
        """Remove the container that a killed call has left."""
        self.compose.engine.run("rm", "--force", "--volumes", self._name, check=False)

    @property
    def _name(self) -> str:
        """Of that container: what a killed call left is found by it."""
        return f"{self.compose.project}-initialise"

    def command(self, database: str, *words: str) -> list[str]:
        """The words of Compose for a call of ``trytond-admin``."""
        return self.called(self.script, database, *words)

    def called(self, program: Path, database: str, *words: str) -> list[str]:
        """The words of Compose for a program of ours in an erpserver.

        It is mounted; an engine of another machine, which has not its file, gets the
        text.
        """
        if self._far:
            options, start = [], ["-c", program.read_text("utf-8")]
        else:
            options = ["--volume", f"{program}:{SCRIPT}/{program.name}:ro"]
            start = [f"{SCRIPT}/{program.name}"]
        if self.accelerate:
            options += ["--volume", f"{self.accelerate}:{SCRIPT}/accelerate.py:ro"]
            options += ["--env", f"ACCELERATE={SCRIPT}/accelerate.py"]
        return [
            *self._begun(database), *options,
            "erpserver", "python3", *start, "--database", database, *words,
        ]  # fmt: skip

    def _begun(self, database: str) -> list[str]:
        """The first words of Compose for a program in a container of erpserver's."""
        variables = {
            "TRYTONPASSFILE": "/run/secrets/admin_password",
            "PGOPTIONS": QUICKLY if database != self.name else "",
            "DEBUGGER_PORT": "0",
        }
        options = [w for one in variables.items() for w in ("--env", "=".join(one))]
        return [
            "run", "--rm", "--name", self._name, "--no-TTY", "--no-deps", *options,
        ]  # fmt: skip

    @property
    def _far(self) -> bool:
        return bool(self.compose.engine.elsewhere())

    def _follow(
        self, parts: Sequence[str], listener: Listener, what: str,
        given: proc.Output = proc.DEVNULL,
    ) -> None:  # fmt: skip
        """Run it; lines that name a module, or a set of data, go to the listener."""
        self.forget()
        streams = {"stdin": given, "stdout": proc.PIPE, "stderr": proc.STDOUT}
        with self.compose.child(*parts, **streams) as child:
            tail = programs.followed(child, listener, DEADLINE)
        if tail is not None:
            raise DatabaseError(
                f"{what}:\n" + "\n".join(tail),
                checked=proc.line(child.argv),
                remedy="mend it, then harness up again: it begins anew",
            )

    def _recreate(self, new: str) -> None:
        self.sql(
            "postgres",
            f'DROP DATABASE IF EXISTS "{new}" WITH (FORCE)',
            f'CREATE DATABASE "{new}" OWNER {roles.OWNER} TEMPLATE template0',
        )
        self.protect(new)

    def _restored(self, dump: Path, new: str) -> bool:
        """Whether a dump could be read; one that could not is removed."""
        inside = f"/tmp/{dump.name}"
        try:
            self.compose.run("cp", dump, f"db:{inside}")
            self.compose.run(
                "exec", "-T", "--env", f"PGOPTIONS={QUICKLY}", "db", "sh", "-c",
                f"pg_restore --username={roles.OWNER} --dbname={new} --jobs=2"
                f" --exit-on-error --no-owner --no-privileges {inside}; code=$?;"
                f" rm -f {inside}; exit $code",
                timeout=300,
            )  # fmt: skip
        except CommandFailed:
            dump.unlink(missing_ok=True)
            self._recreate(new)
            return False
        dump.touch()
        return True

    def _dump(self, database: str, dump: Path) -> None:
        """Keep a copy; without one the next time only takes longer."""
        inside = f"/tmp/{dump.name}"
        new = dump.with_name(f".{dump.name}.{time.monotonic_ns()}")
        try:
            self.compose.run(
                "exec", "-T", "db", "pg_dump", "--format=custom", "--compress=1",
                "--no-privileges", f"--file={inside}", database, timeout=300,
            )  # fmt: skip
            self.compose.run("cp", f"db:{inside}", new)
            new.chmod(0o600)
            new.replace(dump)
        finally:
            new.unlink(missing_ok=True)
            self.compose.run("exec", "-T", "db", "rm", "-f", inside, check=False)
        old = sorted(dump.parent.glob("*.dump"), key=lambda one: one.stat().st_mtime)
        for one in old[:-KEPT]:
            one.unlink(missing_ok=True)
