# SPDX-License-Identifier: Apache-2.0
"""What is under test, copied into the scratch: the unprivileged account may have no way into the checkout."""
import functools
import os
import pathlib
import shutil

TOP = pathlib.Path(__file__).resolve().parents[2]
MODULE = "mod_billing/.libs/mod_attune_billing.so"


class Workspace:
    def __init__(self, scratch):
        self._scratch = scratch

    @functools.cached_property
    def module(self):
        """The module as built: ATTUNE_MODULE, or in the checkout."""
        built = pathlib.Path(os.environ.get("ATTUNE_MODULE") or TOP / MODULE)
        if not built.exists():
            raise RuntimeError(f"{built} is not built; say t/check, or make, or set ATTUNE_MODULE")
        copy = self._scratch.folder("module") / built.name
        shutil.copyfile(built, copy)
        copy.chmod(0o755)
        return copy

    @functools.cached_property
    def sql(self):
        return self._copy("sql")

    @functools.cached_property
    def conf(self):
        return self._copy("conf")

    def _copy(self, name):
        copy = self._scratch.path / name
        shutil.copytree(TOP / name, copy)
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        return copy


def fixtures():
    """The folder of recorded provider data beside the checkout, or None: tests pass without it."""
    folder = TOP.parent / "shared" / "fixtures"
    return folder if folder.is_dir() else None
