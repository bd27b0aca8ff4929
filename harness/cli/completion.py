# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness completion``: a script for a shell, written from the parser itself.

The words are in the script: completing starts no Python, and no other command pays
for it.  It is written anew where the command line or the configuration changes.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.options import PYTEST_FLAGS, PYTEST_VALUES

Word = tuple[str, str]
"""A word and its help."""
Hints = Mapping[str, Iterable[str]]
"""Words for arguments by their metavar or name: services, suites, sources."""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """By place (``test``, ``template list`` …): what may follow there."""

    words: dict[str, list[Word]]
    options: dict[str, list[Word]]
    values: dict[str, list[Word]]
    """By place and option; an empty list is a file or anything."""


def tables(parser: argparse.ArgumentParser, hints: Hints) -> Tables:
    """What the parser, and all below it, takes."""
    made = Tables(words={}, options={}, values={})
    for place, one in _places(parser, ""):
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                helps = {a.dest: a.help or "" for a in action._choices_actions}
                made.words[place] = [(name, helps[name]) for name in action.choices]
            elif action.option_strings:
                text = action.help or ""
                made.options.setdefault(place, []).extend(
                    (name, text) for name in action.option_strings
                )
                if action.nargs != 0:
                    for name in action.option_strings:
                        made.values[f"{place} {name}".strip()] = _words(action, hints)
            else:
                made.words.setdefault(place, []).extend(_words(action, hints))
    return made


def with_pytest(made: Tables) -> Tables:
    """The same with what ``harness test`` hands to pytest."""
    known = (PYTEST_FLAGS | PYTEST_VALUES) - {one for one, _ in made.options["test"]}
    words = [(one, "of pytest") for one in sorted(known) if one.startswith("--")]
    free: dict[str, list[Word]] = {
        f"test {one}": [] for one, _ in words if one in PYTEST_VALUES
    }
    return Tables(
        words=made.words,
        options={**made.options, "test": [*made.options["test"], *words]},
        values={**made.values, **free},
    )


def _places(
    parser: argparse.ArgumentParser, place: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield place, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield from _places(one, f"{place} {name}".strip())


def _words(action: argparse.Action, hints: Hints) -> list[Word]:
    if action.choices is not None:
        return [(str(one), "") for one in action.choices]
    names = (str(action.metavar or ""), action.dest)
    found = next((hints[name] for name in names if name in hints), ())
    return [(one, "") for one in found]


def script(shell: str, made: Tables) -> str:
    """The script for a shell."""
    write, text = WRITERS[shell]
    functions = (
        write(f"_harness_{name}", table)
        for name, table in (
            ("words", made.words),
            ("options", made.options),
            ("values", made.values),
        )
    )
    head = "#compdef harness\n" if shell == "zsh" else ""
    return f"{head}# Made by: harness completion {shell}\n{''.join(functions)}{text}"


def _short(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())


def _sh(name: str, table: Mapping[str, list[Word]]) -> str:
    """A function of sh that prints ``WORD<tab>HELP`` lines; 1 for no such place."""
    lines = [f"{name}() {{", '    case "$1" in']
    for place, words in table.items():
        if words:
            quoted = " ".join(_quoted(f"{w}\t{_short(h)}", "'\\''") for w, h in words)
            lines.append(f"    {_quoted(place, '')}) printf '%s\\n' {quoted} ;;")
        else:
            lines.append(f"    {_quoted(place, '')}) ;;")
    return "\n".join([*lines, "    *) return 1 ;;", "    esac", "}", ""])


def _fish(name: str, table: Mapping[str, list[Word]]) -> str:
    """The same for fish."""
    lines = [f"function {name}", '    switch "$argv[1]"']
    for place, words in table.items():
        lines.append(f"        case {_quoted(place, '')}")
        for word, text in words:
            quoted = _quoted(f"{word}\t{_short(text)}", "\\'")
            lines.append(f"            printf '%s\\n' {quoted}")
    lines += ["        case '*'", "            return 1", "    end", "end", ""]
    return "\n".join(lines)


def _quoted(text: str, apostrophe: str) -> str:
    return "'" + text.replace("'", apostrophe) + "'"


BASH = r"""
_harness() {
    local cur=${COMP_WORDS[COMP_CWORD]} place="" option="" word list i
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        option=""
        case "$word" in
        -*) _harness_values "${place:+$place }$word" >/dev/null && option=$word ;;
        =) option=${COMP_WORDS[i - 1]} ;;
        *) if _harness_words "${place:+$place }$word" >/dev/null ||
            _harness_options "${place:+$place }$word" >/dev/null; then
            place="${place:+$place }$word"
        fi ;;
        esac
    done
    if [ "$cur" = "=" ]; then
        option=${COMP_WORDS[COMP_CWORD - 1]}
        cur=""
    fi
    COMPREPLY=()
    if [ -n "$option" ]; then
        list=$(_harness_values "${place:+$place }$option" | cut -f1)
    else
        case "$cur" in
        -*) list=$(_harness_options "$place" | cut -f1) ;;
        *) list=$(_harness_words "$place" | cut -f1) ;;
        esac
    fi
    if [ -n "$list" ]; then
        local IFS=$'\n'
        COMPREPLY=($(compgen -W "$list" -- "$cur"))
    fi
    if [ ${#COMPREPLY[@]} -eq 0 ]; then
        compopt -o default 2>/dev/null
    fi
}
complete -F _harness harness
"""

ZSH = r"""
_harness() {
    local place="" option="" word found
    local -a list
    for word in "${(@)words[2,CURRENT-1]}"; do
        option=""
        if [[ $word == -* ]]; then
            _harness_values "${place:+$place }$word" >/dev/null && option=$word
        elif _harness_words "${place:+$place }$word" >/dev/null ||
            _harness_options "${place:+$place }$word" >/dev/null; then
            place="${place:+$place }$word"
        fi
    done
    if [[ -z $option && $PREFIX == --*=* ]]; then
        option=${PREFIX%%=*}
        compset -P '*='
    fi
    if [[ -n $option ]]; then
        found=$(_harness_values "${place:+$place }$option")
    elif [[ $PREFIX == -* ]]; then
        found=$(_harness_options "$place")
    else
        found=$(_harness_words "$place")
    fi
    if [[ -z $found ]]; then
        _files
        return
    fi
    for word in "${(@f)found}"; do
        list+=("${${word%%$'\t'*}//:/\\:}:${word#*$'\t'}")
    done
    if [[ $PREFIX == -* && -z $option ]]; then
        _describe -o option list
    else
        _describe word list || _files
    fi
}
if [ "${funcstack[1]}" = _harness ]; then
    _harness "$@"
else
    compdef _harness harness
fi
"""

FISH = r"""
function __harness
    set -l place
    set -l option
    for word in (commandline -opc)[2..-1]
        set option
        set -l further (string trim -- "$place $word")
        if string match -q -- '-*' $word
            _harness_values $further >/dev/null; and set option $word
        else if begin
                _harness_words $further >/dev/null
                or _harness_options $further >/dev/null
            end
            set place $further
        end
    end
    set -l current (commandline -ct)
    set -l before ''
    if test -z "$option"; and string match -q -- '--*=*' $current
        set option (string split -m 1 = -- $current)[1]
        set before "$option="
    end
    set -l found
    if test -n "$option"
        set found (_harness_values (string trim -- "$place $option"))
    else if string match -q -- '-*' $current
        set found (_harness_options "$place")
    else
        set found (_harness_words "$place")
    end
    if test (count $found) -gt 0
        printf '%s\n' $before$found
    end
    if test (count $found) -eq 0; or string match -q '*/*' -- $current
        __fish_complete_path $current
    end
end
complete -c harness -e
complete -c harness -f -a '(__harness)'
"""

Writer = Callable[[str, Mapping[str, list[Word]]], str]
WRITERS: Mapping[str, tuple[Writer, str]] = {
    "bash": (_sh, BASH),
    "zsh": (_sh, ZSH),
    "fish": (_fish, FISH),
}

PLACES: Mapping[str, str] = {
    "bash": "harness completion bash"
    " >~/.local/share/bash-completion/completions/harness",
    "zsh": "harness completion zsh >DIRECTORY/_harness, a directory of $fpath",
    "fish": "harness completion fish >~/.config/fish/completions/harness.fish",
}
"""Where each is looked for."""
