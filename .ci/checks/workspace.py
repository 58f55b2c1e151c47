"""What the checks know of the tree: its files by git, its crates by cargo."""

import functools
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = "x86_64-unknown-linux-gnu"


def files(*patterns):
    """Tracked and new files, ignored ones apart, that match the git `patterns`; all without."""
    listed = _output("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns)
    paths = (ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return [path for path in paths if path.is_file()]


@functools.cache
def packages():
    """The workspace's own packages as `cargo metadata` has them, by name."""
    metadata = json.loads(_output("cargo", "metadata", "--format-version=1", "--no-deps", "--locked"))
    return {package["name"]: package for package in metadata["packages"]}


def direct(package, *, dev=False):
    """Names of what `package` depends on directly; of its tests and examples too with `dev`."""
    kinds = {None, "build", "dev"} if dev else {None, "build"}
    return {it["name"] for it in package["dependencies"] if it["kind"] in kinds}


def publishable(package):
    """Whether `package` may go to a registry: `publish = false` is an empty list in metadata."""
    return package["publish"] != []


@functools.cache
def tree(name, *, all_features=False):
    """(name, version) of every normal dependency of `name` built alone, itself apart."""
    command = ["cargo", "tree", "--package", name, "--edges=normal", "--prefix=none", "--format={p}"]
    command += ["--target", TARGET, "--locked", *(["--all-features"] if all_features else [])]
    lines = (line.split() for line in _output(*command).splitlines() if line)
    return {(words[0], words[1]) for words in lines} - {(name, "v" + packages()[name]["version"])}


def _output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


def report(what, problems):
    """Prints the verdict; the exit status for it."""
    for problem in problems:
        print(f"{what}: {problem}")
    print(f"{what}: {len(problems)} problems" if problems else f"{what}: ok")
    return 1 if problems else 0
