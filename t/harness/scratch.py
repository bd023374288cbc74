# SPDX-License-Identifier: Apache-2.0
"""Scratch folders: owned by the unprivileged account, removed with all that was started from them."""
import os
import pathlib
import shutil
import sys
import tempfile

from . import processes

ROOT_VARIABLE = "ATTUNE_SCRATCH"  # set by t/check and t/demo: scratch folders of what they run lie in theirs


class Scratch:
    """`path` is the folder; `account` owns it. Use as a context manager, or call `remove()`."""

    def __init__(self, account):
        self.account = account
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="attune.", dir=_parent_folder(account)))
        account.own(self.path)
        self._folder_count = 0

    def folder(self, name):
        """A new folder of the account's, with a number where the name was used before."""
        path = self.path / name
        while path.exists():
            self._folder_count += 1
            path = self.path / f"{name}-{self._folder_count}"
        path.mkdir()
        self.account.own(path)
        return path

    def write(self, path, text, mode=0o600):
        """Writes a file of the account's; `path` may be relative to the scratch."""
        path = self.path / path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with open(descriptor, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        self.account.own(path)
        return path

    def remove(self):
        processes.end_registered(self.path)
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def _parent_folder(account):
    wanted = os.environ.get(ROOT_VARIABLE) or tempfile.gettempdir()
    for folder in (wanted, "/tmp", "/var/tmp"):
        if account.reaches(folder) and os.access(folder, os.W_OK | os.X_OK):
            if folder != wanted:
                print(f"{account.name} cannot reach {wanted}: scratch goes to {folder}", file=sys.stderr)
            return folder
    raise RuntimeError(f"no folder for scratch that {account.name} can reach; set TMPDIR")
