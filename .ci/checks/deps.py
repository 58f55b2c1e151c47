"""How many crates each of ours brings along, and that the README says so.

Usage: deps.py [--check README.md | --write README.md]

Counts normal dependencies on x86_64 Linux for the crate built alone: build scripts' and tests'
apart, procedural macros included.
"""

import argparse
import pathlib
import re
import sys

import workspace

BLOCK = re.compile(r"(<!-- deps:begin -->\n).*?(<!-- deps:end -->)", re.DOTALL)


def rows():
    for name, package in sorted(workspace.packages().items()):
        if not workspace.publishable(package):
            continue
        direct = {it["name"] for it in package["dependencies"] if it["kind"] is None and not it["optional"]}
        yield f"`{name}`", len(direct), len(workspace.tree(name))
        if set(package["features"]) - {"default"}:
            every = {it["name"] for it in package["dependencies"] if it["kind"] is None}
            yield f"`{name}`, all features", len(every), len(workspace.tree(name, all_features=True))


def table():
    lines = ["| crate | direct dependencies | all dependencies |", "|---|---:|---:|"]
    lines += [f"| {name} | {direct} | {everything} |" for name, direct, everything in rows()]
    return "\n".join(lines) + "\n"


def with_table(text, table):
    """`text` with `table` between its markers; an error without exactly one pair of them."""
    new, found = BLOCK.subn(lambda block: block[1] + table + block[2], text)
    if found != 1:
        raise ValueError(f"{found} pairs of deps:begin and deps:end, wanted one")
    return new


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", type=pathlib.Path, metavar="FILE")
    action.add_argument("--write", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    computed = table()
    print(computed, end="")
    file = arguments.check or arguments.write
    if file is None:
        return 0
    text = file.read_text("utf-8")
    try:
        wanted = with_table(text, computed)
    except ValueError as error:
        return workspace.report("deps", [f"{file}: {error}"])
    if arguments.write:
        file.write_text(wanted, "utf-8")
        return 0
    stale = [] if text == wanted else [f"{file} has other numbers; run .ci/checks/deps.py --write {file}"]
    return workspace.report("deps", stale)


if __name__ == "__main__":
    sys.exit(main())
