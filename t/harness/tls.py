# SPDX-License-Identifier: Apache-2.0
"""A certificate authority of a test's own, by the openssl command."""
import ssl
import subprocess

from .ports import reserve_port

TLS_VHOST = """
Listen 127.0.0.1:@TLS@
<VirtualHost 127.0.0.1:@TLS@>
    SSLEngine on
    SSLCertificateFile "@CERTIFICATES@/server.pem"
    SSLCACertificateFile "@CERTIFICATES@/authority.pem"
    {lines}
</VirtualHost>
"""


class Authority:
    """`folder`: of an account that httpd may read. `port` stands for @TLS@ in a server's values."""

    def __init__(self, scratch, name="tls"):
        self.port = reserve_port()
        self._account = scratch.account
        self.folder = scratch.folder(name)
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                  "/CN=authority", "-keyout", self._path("authority.key"), "-out", self._path("authority.pem"))
        self.issue("server", "/CN=localhost")

    def _path(self, name):
        return str(self.folder / name)

    @staticmethod
    def _run(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def issue(self, name, subject, trusted=True):
        """A key and certificate in one file; signed by nobody else where it is not `trusted`."""
        request = [*(["-CA", self._path("authority.pem"), "-CAkey", self._path("authority.key")] if trusted else [])]
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                  subject, *request, "-keyout", self._path(f"{name}.key"), "-out", self._path(f"{name}.crt"))
        path = self.folder / f"{name}.pem"
        path.write_text((self.folder / f"{name}.key").read_text() + (self.folder / f"{name}.crt").read_text())
        for file in self.folder.iterdir():
            self._account.own(file)
        return path

    def context(self, certificate=None, version=None):
        """For a client that shows a certificate, or none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self._path("authority.pem"))
        if certificate:
            context.load_cert_chain(self._path(f"{certificate}.pem"))
        if version:
            context.minimum_version = context.maximum_version = version
        return context
