# SPDX-License-Identifier: Apache-2.0
"""The unprivileged account that PostgreSQL and httpd run as: oneself, or one that Debian always has when we are root."""
import os
import pwd
import subprocess

CANDIDATES = ("www-data", "nobody")


class Account:
    def __init__(self, name, uid, gid, switch):
        self.name = name
        self.uid = uid
        self.gid = gid
        self._switch = switch

    @classmethod
    def choose(cls):
        if os.geteuid() != 0:
            return cls(_own_name(), os.geteuid(), os.getegid(), switch=False)
        for name in CANDIDATES:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(name, entry.pw_uid, entry.pw_gid, switch=True)
        raise RuntimeError(f"none of the accounts {', '.join(CANDIDATES)} exists")

    def popen_arguments(self):
        """For subprocess: the switch happens before exec, so that nothing we start ever runs as root."""
        if not self._switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path):
        if self._switch:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder):
        """Whether the account may enter `folder`, with all that lies above it."""
        command = ["/usr/bin/test", "-x", str(folder)]
        return subprocess.run(command, cwd="/", check=False, **self.popen_arguments()).returncode == 0


def _own_name():
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
