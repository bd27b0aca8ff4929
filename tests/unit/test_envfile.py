# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of variables: what each form stands for.

That Compose says the same is in ``tests/integration/test_envfile.py``.
"""

import pytest

from harness.envfile import BadFile, read

ENVIRON = {"SHELL": "sh", "VOID": "", "A": "outer"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("X=abc # a comment", "abc"),
        ("X=val#bla", "val#bla"),
        ("X=a\t#b", "a\t#b"),
        ("X= spaced  ", "spaced"),
        ("X = spaced", "spaced"),
        ("X: yaml", "yaml"),
        ("X=", ""),
        ("X=a=b", "a=b"),
        ("export X=1", "1"),
        ("\n\n # X=0\n\tX=1\n#", "1"),
        ("\ufeffX=1", "1"),
        ("X=1\r\nY=2\r\n", "1"),
        ("X='lit$A ${A} \\n' # end", "lit$A ${A} \\n"),
        ("X='it\\'s'", "it's"),
        ('X="two\\nlines"', "two\nlines"),
        ('X="two\nlines" Y=1', "two\nlines"),
        ('X="a # b" # end', "a # b"),
        ('X="\\$A $A"', "$A outer"),
        ('X="\\"q\\" \\\\ \\t\\q"', '"q" \\ \t\\q'),
        ('X="\\0101\\012\\0"', "A\\12\\"),
        ("X=$SHELL", "sh"),
        ("X=${SHELL}/$$SHELL/$1", "sh/$SHELL/$1"),
        ("X=${NOPE}", ""),
        ("X=${NOPE:-fallback} $NOPE", "fallback "),
        ("X=${VOID:-one}${VOID-two}", "one"),
        ("X=${NOPE-${OTHER:-a ${SHELL}}} b", "a sh b"),
        ("X=${SHELL:+is}${NOPE:+not}${VOID+void}${VOID:+full}", "isvoid"),
        ("X=${SHELL:?why}${VOID?why}", "sh"),
        ("Y=1\nX=${Y}${Z}", "1"),
        ("A=inner\nX=$A", "outer"),
        ("X={unknown}", "{unknown}"),
        ("X=ü", "ü"),
        ("X=0\nX=1", "1"),
    ],
)
def test_a_value(text: str, value: str) -> None:
    assert read(text, {}, ENVIRON)["X"] == value


def test_a_file_is_read_over_those_before() -> None:
    first = read("A=1\nB=\"${A} b\"\nexport C='x=y'\n")
    assert first == {"A": "1", "B": "1 b", "C": "x=y"}
    second = read("A=2\nD=${B}/${GONE}", first)
    assert second == {"A": "2", "B": "1 b", "C": "x=y", "D": "1 b/"}


def test_a_name_alone_takes_the_value_of_outside() -> None:
    assert read("SHELL\nNOPE\nX=1\nVOID", {}, ENVIRON) == {
        "SHELL": "sh",
        "X": "1",
        "VOID": "",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nB='x\n", "line 2: 'x has no closing quote"),
        ("A=1\n\nB C=1", "line 3: the name 'B C' has a space in it"),
        ("A%=1", "line 1: a name cannot have '%' in it"),
        ("A=${", "line 1: ${ is no reference to a variable"),
        ("A=${NOPE:?give it}", "line 1: NOPE has no value: give it"),
        ("A=${NOPE?}", "line 1: NOPE has no value"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(text, {}, ENVIRON)
    assert str(caught.value) == message
