# SPDX-License-Identifier: Apache-2.0
"""A site with every door that httpd has, for those who look for one without a gate."""
from gate_support import POLICY, SECRET, gate
from harness.tls import TLS_VHOST

MODULES = ["access_compat", "actions", "asis", "authn_anon", "autoindex", "cgid", "http2", "imagemap", "include",
           "negotiation", "proxy_http", "proxy_wstunnel", "rewrite", "speling", "ssl", "userdir", "vhost_alias"]

CONFIG = POLICY + gate("/paid") + gate("/any") + gate("/servlet/paid") + """
Protocols h2c http/1.1
TraceEnable On
AllowEncodedSlashes Off
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
AddLanguage en .en
AddLanguage de .de
AddHandler type-map .var
AddHandler cgi-script .cgi
AddHandler send-as-is .asis
AddHandler shown .shown
AddHandler imap-file .map
Action shown /paid/script.cgi
CheckSpelling On
Alias /alias "@DOCS@/paid"
Alias /aliases/one "@DOCS@/free"
AliasMatch "^/matched/(.*)$" "@DOCS@/paid/$1"
RewriteEngine On
RewriteRule "^/free/server-pt$"   "/paid/page.html" [PT]
RewriteRule "^/free/server-last$" "/paid/page.html" [L,PT]
RewriteRule "^/free/server-p$"    "http://@BACKEND@/paid/x" [P]
RewriteRule "^/x/free/(.*)$"      "/$1" [PT]
ErrorDocument 404 /paid/page.html
ErrorDocument 410 /paid/
ErrorDocument 500 /paid/page.html
ErrorDocument 405 /paid/page.html
ErrorDocument 400 /paid/page.html
Redirect gone /free/gone
<Directory "@DOCS@">
    Options +Includes +MultiViews +ExecCGI +Indexes +FollowSymLinks
    AllowOverride All
</Directory>
# A path table cannot know that an alias leads here; a directory's section does.
<Directory "@DOCS@/paid">
    BillingRequireFeature trucking.dispatch
</Directory>
<Files "secret.*">
    BillingRequireFeature trucking.dispatch
</Files>
<Directory "@DOCS@/free">
    RewriteEngine On
    RewriteRule "^per-directory$"   "/paid/page.html" [L]
    RewriteRule "^per-directory-2$" "../paid/page.html" [L]
    RewriteRule "^chain$"           "/free/per-directory" [L]
    RewriteRule "^proxied$"         "http://@BACKEND@/paid/x" [P]
    RewriteCond "%{LA-U:REQUEST_FILENAME}" "."
    RewriteRule "^looking$"         "/paid/page.html" [L]
</Directory>
<Location "/free/fallback">
    FallbackResource /paid/page.html
</Location>
<Location "/free/index">
    DirectoryIndex /paid/page.html
</Location>
<Location "/free/index-relative">
    DirectoryIndex ../../paid/page.html ../paid/page.html
</Location>
<Location "/any">
    Satisfy Any
    Order allow,deny
    Allow from all
</Location>
<Location "/paid/open">
    Require all granted
</Location>
<Location "/free">
    Require all granted
</Location>
<LocationMatch "^/free/proxied-here">
    BillingRequireFeature trucking.dispatch
</LocationMatch>
ProxyPass "/free/proxied-here" "http://@BACKEND@/paid"
ProxyPass "/paid/ws" "ws://@BACKEND@/paid"
ProxyPass "/paid/backend" "http://@BACKEND@/paid"
ProxyPass "/servlet" "http://@SERVLET@" mapping=servlet
""" + TLS_VHOST.format(lines="""Protocols h2 http/1.1
    ProxyPass "/" "http://@BACKEND@/" """) + """
Listen 127.0.0.1:@PROXY@
<VirtualHost 127.0.0.1:@PROXY@>
    Protocols h2c http/1.1
    ProxyPass "/" "http://@BACKEND@/" nocanon
</VirtualHost>
"""

SCRIPT = "#!/bin/sh\n"
PAGE = "Content-Type: text/plain\\n\\n"


def furnish(server):
    """Every document says SECRET; those below /free only by way of another."""
    for path in ("paid/page.html", "paid/open/page.html", "any/page.html", "paid/one.html.en", "paid/secret.html",
                 "free/secret.html", "free/secret.txt.en", "free/secret.txt.de", "paid/x/page.html"):
        server.write(f"htdocs/{path}", SECRET)
    server.write("htdocs/paid/index.html", SECRET)
    server.write("htdocs/paid/as.asis", f"Content-Type: text/plain\n\n{SECRET}")
    server.write("htdocs/paid/x.shown", "")
    server.write("htdocs/paid/script.cgi", f'{SCRIPT}printf "{PAGE}{SECRET}"\n', mode=0o700)
    server.write("htdocs/free/location.cgi", f'{SCRIPT}printf "Location: /paid/page.html\\n\\n"\n', mode=0o700)
    server.write("htdocs/free/status.cgi", f'{SCRIPT}printf "Status: 404\\n{PAGE}"\n', mode=0o700)
    server.write("htdocs/free/map.var", "URI: ../paid/page.html\nContent-Type: text/html\n\n")
    server.write("htdocs/free/near.var", "URI: secret.html\nContent-Type: text/html\n\n")
    server.write("htdocs/free/x.shown", "")
    server.write("htdocs/free/virtual.shtml", '<!--#include virtual="/paid/page.html" -->')
    server.write("htdocs/free/relative.shtml", '<!--#include virtual="../paid/page.html" -->')
    server.write("htdocs/free/file.shtml", '<!--#include file="secret.html" -->')
    server.write("htdocs/free/nested.shtml", '<!--#include virtual="virtual.shtml" -->')
    server.write("htdocs/free/script.shtml", '<!--#include virtual="/paid/script.cgi" -->')
    server.write("htdocs/free/redirected.shtml", '<!--#include virtual="/free/location.cgi" -->')
    server.write("htdocs/free/indexed.shtml", '<!--#include virtual="/paid/" -->')
    server.write("htdocs/free/erring.shtml", '<!--#include virtual="/nothing" onerror="/paid/page.html" -->')
    server.write("htdocs/free/index/x", "")
    server.write("htdocs/free/index-relative/x", "")
    server.write("htdocs/free/rewriting/.htaccess", "RewriteEngine On\nRewriteRule ^go$ /paid/page.html [L]\n", mode=0o644)
    server.write("htdocs/free/falling/.htaccess", "FallbackResource /paid/page.html\n", mode=0o644)
    server.write("htdocs/free/erring/.htaccess", "ErrorDocument 404 /paid/page.html\n", mode=0o644)


