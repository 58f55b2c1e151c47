"""Just enough of Rust's lexical grammar to count lines: what is code, and where an item ends."""

import re

_RAW_STRING = re.compile(r'(?:b|c)?r(#*)"')
_PREFIX = re.compile(r"[A-Za-z0-9_]")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


def blank(source):
    """`source` with comments and the insides of literals as spaces; offsets and lines stay."""
    out = list(source)
    at = 0
    while at < len(source):
        end, inside = _skip(source, at)
        for hidden in range(*inside):
            if out[hidden] != "\n":
                out[hidden] = " "
        at = end
    return "".join(out)


def _skip(source, at):
    """Where the token at `at` ends, and which part of it is not code."""
    two = source[at : at + 2]
    if two == "//":
        end = source.find("\n", at)
        end = len(source) if end < 0 else end
        return end, (at, end)
    if two == "/*":
        end = _block_comment(source, at)
        return end, (at, end)
    starts_word = at == 0 or not _PREFIX.match(source[at - 1])
    raw = _RAW_STRING.match(source, at) if starts_word else None
    if raw:
        close = source.find('"' + raw.group(1), raw.end())
        close = len(source) if close < 0 else close
        return close + 1 + len(raw.group(1)), (raw.end(), close)
    if source[at] == '"':
        close = _closing_quote(source, at + 1, '"')
        return close + 1, (at + 1, close)
    if source[at] == "'" and (source[at + 1 : at + 2] == "\\" or source[at + 2 : at + 3] == "'"):
        close = _closing_quote(source, at + 1, "'")
        return close + 1, (at + 1, close)
    return at + 1, (at, at)  # code, a lifetime's quote among it


def _block_comment(source, at):
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(source, at):
        depth += 1 if mark.group() == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(source)


def _closing_quote(source, at, quote):
    while at < len(source) and source[at] != quote:
        at += 2 if source[at] == "\\" else 1
    return min(at, len(source))


def closing(code, opening):
    """The offset of the bracket that closes the one at `opening`, in blanked `code`."""
    expected = []
    for at in range(opening, len(code)):
        if code[at] in _CLOSING:
            expected.append(_CLOSING[code[at]])
        elif expected and code[at] == expected[-1]:
            expected.pop()
            if not expected:
                return at
    return len(code) - 1


def line_of(code, at):
    """The line, from 1, that offset `at` is on."""
    return code.count("\n", 0, at) + 1


_ATTRIBUTES = r"(?:\s*#\[[^\]]*\])*\s*"
_TEST_MODULE = re.compile(
    r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]" + _ATTRIBUTES + r"(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*([;{])"
)


def without_test_modules(code):
    """Blanked `code` less its `#[cfg(test)] mod x { .. }` blocks, and the names in `mod x;`."""
    files = []
    while found := _TEST_MODULE.search(code):
        end = found.end()
        if found.group(2) == "{":
            end = closing(code, found.end() - 1) + 1
        else:
            files.append(found.group(1))
        code = code[: found.start()] + code[end:]
    return code, files


_FUNCTION = re.compile(r"\bfn\s+((?:r#)?\w+)")


def functions(code):
    """(name, first line, number of lines) of each function that has a body."""
    for found in _FUNCTION.finditer(code):
        opening = _body(code, found.end())
        if opening is not None:
            first = line_of(code, found.start())
            yield found.group(1), first, line_of(code, closing(code, opening)) - first + 1


def _body(code, at):
    """The offset of the `{` of the function whose signature goes on at `at`; None for `fn f();`."""
    while at < len(code):
        if code[at] in "([":
            at = closing(code, at)
        elif code[at] == "{":
            return at
        elif code[at] == ";":
            return None
        at += 1
    return None


_STRUCT = re.compile(r"\bstruct\s+(\w+)[^;{(]*\{")


def structs(code):
    """(name, line, number of fields) of each struct with named fields."""
    for found in _STRUCT.finditer(code):
        body = code[found.end() : closing(code, found.end() - 1)]
        yield found.group(1), line_of(code, found.start()), len(_split(body))


def _split(fields):
    """The parts of `fields` between commas that are in no bracket of any kind."""
    depth, parts = 0, [""]
    for at, char in enumerate(fields):
        if char in "([{<":
            depth += 1
        elif char in ")]}" or (char == ">" and fields[at - 1] != "-"):
            depth -= 1
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part.strip()]


_LINT_ATTRIBUTE = re.compile(r"#!?\[\s*(?:cfg_attr\([^\]]*?,\s*)?(allow|expect)\(")


def lint_attributes_without_reason(code):
    """The line of each `allow` or `expect` attribute that gives no reason."""
    for found in _LINT_ATTRIBUTE.finditer(code):
        inside = code[found.end() : closing(code, found.end() - 1)]
        if not re.search(r"\breason\s*=", inside):
            yield line_of(code, found.start())
