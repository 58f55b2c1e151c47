"""Functions, files and structs stay small enough to be read in one sitting.

Counts *.rs outside tests/, benches/ and fuzz/; `#[cfg(test)]` modules do not count.
"""

import statistics
import sys

import rust
import workspace

FUNCTION_LINES = 80
FILE_LINES = 500
MEDIAN_FILE_LINES = 150
STRUCT_FIELDS = 10
# A mapping of the configuration has the keys that operators need, and no code of its own.
CONFIGURATION = "mcpo2-server/src/config"
CONFIGURATION_KEYS = 19
OUTSIDE = {"tests", "benches", "fuzz"}


def counted_files():
    """(path, code) of each file that counts, test modules already cut away."""
    code, test_files = {}, set()
    for path in workspace.files("*.rs"):
        relative = path.relative_to(workspace.ROOT)
        if OUTSIDE.intersection(relative.parts):
            continue
        code[relative], modules = rust.without_test_modules(rust.blank(path.read_text("utf-8")))
        home = relative.parent if path.stem in ("lib", "main", "mod") else relative.with_suffix("")
        for module in modules:
            test_files.update({home / f"{module}.rs", home / module / "mod.rs"})
    return {path: text for path, text in code.items() if path not in test_files}


def problems_in(path, code):
    lines = len(code.splitlines())
    if lines > FILE_LINES:
        yield f"{path}: {lines} lines, more than {FILE_LINES}"
    for name, line, length in rust.functions(code):
        if length > FUNCTION_LINES:
            yield f"{path}:{line}: fn {name} has {length} lines, more than {FUNCTION_LINES}"
    most = CONFIGURATION_KEYS if str(path).startswith(CONFIGURATION) else STRUCT_FIELDS
    for name, line, fields in rust.structs(code):
        if fields > most:
            yield f"{path}:{line}: struct {name} has {fields} fields, more than {most}"


def main():
    files = counted_files()
    problems = [problem for path, code in files.items() for problem in problems_in(path, code)]
    median = statistics.median(len(code.splitlines()) for code in files.values())
    longest = max((length for code in files.values() for _, _, length in rust.functions(code)), default=0)
    if median > MEDIAN_FILE_LINES:
        problems.append(f"the median file has {median:g} lines, more than {MEDIAN_FILE_LINES}")
    print(f"sizes: {len(files)} files, median {median:g} lines, longest function {longest} lines")
    return workspace.report("sizes", problems)


if __name__ == "__main__":
    sys.exit(main())
