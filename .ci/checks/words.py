"""Words that must not stay in the tree: unfinished work, silenced failures, one machine's paths."""

import re
import sys

import rust
import workspace

CODE = ("*.rs", ".ci", "*.sh", "*.yml", "justfile")
# Written with classes of one character, so that this file does not match itself.
UNFINISHED = {
    re.compile(r"\b(t[o]do|u[n]implemented)!"): "unfinished code",
    re.compile(r"\b(F[I]XME|X[X]X|H[A]CK)\b"): "a note to finish later",
    re.compile(r"#\[i[g]nore\b"): "a test that does not run",
    re.compile(r"\|\|[ ]true\b"): "a failure that is silenced",
}
MACHINE_PATH = re.compile(r"(?<![\w.*-])/(w[o]rk|r[o]ot|h[o]me)/[\w.]")


def code_problems(text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in UNFINISHED.items():
            if found := pattern.search(line):
                yield number, f"{what}: {found.group()}"


def path_problems(text):
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE_PATH.search(line):
            yield number, f"a path of one machine: {found.group()}.."


def attribute_problems(text):
    for number in rust.lint_attributes_without_reason(rust.blank(text)):
        yield number, "a lint attribute without a reason"


def text_of(path):
    """The file as text; None for one that is not."""
    content = path.read_bytes()
    try:
        return None if b"\0" in content else content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def main():
    code = set(workspace.files(*CODE))
    problems = []
    for path in workspace.files():
        text = text_of(path)
        if text is None:
            continue
        found = [*path_problems(text)]
        if path in code:
            found += code_problems(text)
        if path.suffix == ".rs":
            found += attribute_problems(text)
        name = path.relative_to(workspace.ROOT)
        problems += [f"{name}:{number}: {what}" for number, what in found]
    return workspace.report("words", problems)


if __name__ == "__main__":
    sys.exit(main())
