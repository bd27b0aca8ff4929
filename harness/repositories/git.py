# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of ``git`` in one repository, and what it says of its state."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness import proc
from harness.errors import CommandFailed, SourceError

TIMEOUT: Final = 900.0
"""Seconds that a call may take: a first clone over a slow line."""
HIDDEN: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Variables that would make git look elsewhere, such as those of a hook."""
AUTHENTICATION: Final = re.compile(
    r"terminal prompts disabled|could not read (Username|Password)|"
    r"Authentication failed|Permission denied \(|Host key verification failed",
    re.IGNORECASE,
)


def environment(environ: Mapping[str, str], *, terminal: bool) -> dict[str, str]:
    """What git is given: it asks on a terminal only.

    Its own credential helpers, keys and proxies work as always.
    """
    env = {key: value for key, value in environ.items() if key not in HIDDEN}
    env |= {"LC_ALL": "C.UTF-8"}
    if not terminal:
        env["GIT_TERMINAL_PROMPT"] = "0"
        env.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    return env


@dataclass(frozen=True, kw_only=True)
class RepositoryState:
    """A repository's state; `branch` is empty where HEAD is detached.

    `ahead` and `behind` count commits against the upstream, as far as the last
    fetch knows; `busy` names a merge, rebase … that is not finished.
    """

    revision: str
    branch: str
    upstream: str = ""
    ahead: int = 0
    behind: int = 0
    changed: int = 0
    staged: int = 0
    untracked: int = 0
    busy: str = ""

    def document(self) -> dict[str, object]:
        """For ``--json``."""
        return asdict(self)

    @property
    def hindrance(self) -> str:
        """Why it is left as it is, or nothing."""
        if self.busy:
            return f"a {self.busy} is not finished"
        if self.changed:
            return f"{self.changed} changed files"
        return ""


BUSY: Final = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisection",
}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The repository of a source; `name` is ``.`` for that of the checkout.

    With `asks`, git has the terminal and may ask for a password.
    """

    name: str
    path: Path
    env: Mapping[str, str]
    asks: bool = False

    @property
    def there(self) -> bool:
        """Whether it is there, and one of its own."""
        return (self.path / ".git").exists()

    def argv(self, *words: str) -> list[str]:
        """The command line of a call."""
        return ["git", "-C", str(self.path), *words]

    def run(self, *words: str, check: bool = True) -> proc.Completed:
        """Call git to its end; raises `SourceError` with its words."""
        return call(self.argv(*words), env=self.env, check=check, asks=self.asks)

    def ask(self, *words: str) -> str:
        """The one line that git answers, nothing where it fails."""
        done = self.run(*words, check=False)
        return "" if done.code else done.stdout.strip()

    def state(self) -> RepositoryState:
        """Its state; nothing is fetched."""
        done = self.run("status", "--porcelain=v2", "--branch")
        place = Path(self.ask("rev-parse", "--absolute-git-dir"))
        busy = [what for name, what in BUSY.items() if (place / name).exists()]
        return parsed(done.stdout, busy=busy[0] if busy else "")

    def resolve(self, ref: str) -> tuple[str, bool]:
        """What a configured ref is here: the commit-ish, and whether a branch is.

        An empty one is the remote's default branch.  Raises `SourceError`.
        """
        if not ref:
            head = self.ask("symbolic-ref", "--short", "refs/remotes/origin/HEAD")
            if head:
                return head, True
            ref = "main"
        for candidate, branch in (
            (f"refs/remotes/origin/{ref}", True),
            (f"refs/tags/{ref}", False),
            (ref, False),
        ):
            words = ("rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}")
            if self.ask(*words):
                return (f"origin/{ref}" if branch else candidate), branch
        raise SourceError(
            f"{self.name} has no branch, tag or commit {ref!r}",
            checked=f"what {self.ask('remote', 'get-url', 'origin')} has",
            remedy=f"set refs of [tool.harness.source.{self.name}]",
        )

    def kept(self, revision: str) -> bool:
        """Whether a commit is on a branch of the remote, or at a tag."""
        words = ("--contains", revision, "--count=1", "refs/remotes", "refs/tags")
        return bool(self.ask("for-each-ref", *words))


def call(
    argv: list[str], *, env: Mapping[str, str], check: bool = True, asks: bool = False
) -> proc.Completed:
    """Run git; raises `SourceError` with its words."""
    try:
        done = (
            _attached(argv, env)
            if asks
            else proc.run(argv, env=env, check=False, timeout=TIMEOUT)
        )
    except CommandFailed as error:
        raise SourceError(str(error), remedy="is the server reachable?") from error
    if check and done.code:
        text = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise SourceError(
            "git: " + "\n".join(text[-8:]),
            checked=proc.line(argv),
            remedy="set up git's credential helper or an SSH key"
            if AUTHENTICATION.search(done.stderr)
            else "run that line by hand",
        )
    return done


def _attached(argv: list[str], env: Mapping[str, str]) -> proc.Completed:
    """With this terminal: what it says there is not taken."""
    with proc.Child(
        argv, env=env, stdin=None, stdout=proc.PIPE, foreground=True
    ) as child:
        out, _ = child.process.communicate()
        text = (out or b"").decode(errors="replace")
        return proc.Completed(code=child.code(), stdout=text, stderr="")


def parsed(text: str, *, busy: str) -> RepositoryState:
    """What ``status --porcelain=v2 --branch`` says."""
    head: dict[str, str] = {}
    changed = staged = untracked = 0
    for line in text.splitlines():
        if line.startswith("# branch."):
            key, _, value = line.removeprefix("# branch.").partition(" ")
            head[key] = value
        elif line.startswith("?"):
            untracked += 1
        else:
            changed += 1
            staged += line[:1] in "12" and line[2:3] != "."
    ahead, behind = re.findall(r"\d+", head.get("ab", "+0 -0"))
    revision, branch = head.get("oid", ""), head.get("head", "")
    return RepositoryState(
        revision="" if revision == "(initial)" else revision,
        branch="" if branch == "(detached)" else branch,
        upstream=head.get("upstream", ""),
        ahead=int(ahead),
        behind=int(behind),
        changed=changed,
        staged=staged,
        untracked=untracked,
        busy=busy,
    )
