# SPDX-License-Identifier: Apache-2.0
"""A copy of the checkout to build and test in: the checkout stays as it is, and may be read-only or another's."""
import os
import pathlib
import shutil
import subprocess

# Where git cannot say what belongs to the tree.
LEFT_OUT = shutil.ignore_patterns(".git", ".build-aux", "autom4te.cache", ".libs", ".deps", "node_modules", "__pycache__",
                                  "*.o", "*.lo", "*.la", "*.trs")


def copy_sources(top, target):
    """What git tracks in `top`, and what is new there and not ignored, as it is on disk now."""
    files = _files_by_git(top)
    if files is None:
        shutil.copytree(top, target, symlinks=True, ignore=LEFT_OUT)
        for folder, _, _ in os.walk(target):
            os.chmod(folder, 0o755)
        return
    for name in files:
        source, copy = pathlib.Path(top, name), pathlib.Path(target, name)
        if source.is_symlink() or source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)


def _files_by_git(top):
    # safe.directory: the checkout may belong to another account than the one that runs the tests.
    command = ["git", "-c", "safe.directory=*", "-C", str(top), "ls-files", "-z", "--cached", "--others",
               "--exclude-standard"]
    try:
        result = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    if result.returncode != 0:
        return None
    return [os.fsdecode(name) for name in result.stdout.split(b"\0") if name]
