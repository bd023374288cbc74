# SPDX-License-Identifier: Apache-2.0
"""The sample application's pages. It knows nothing of billing but the element on its account page."""

STYLE = """
:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: center; border-bottom: 1px solid; padding-bottom: .5rem }
nav a, nav span { min-height: 44px; display: inline-flex; align-items: center }
button { font: inherit; padding: .5rem 1rem; min-height: 44px; margin: .2rem .5rem .2rem 0; cursor: pointer }
pre { overflow-x: auto; padding: .75rem 1rem; border-left: 4px solid; margin: .75rem 0; background: color-mix(in srgb, currentColor 7%, transparent) }
code, pre { font-size: .88rem; font-family: ui-monospace, monospace }
.steps > li { margin: 0 0 2.25rem } h2 { font-size: 1.15rem; margin: 0 0 .4rem } form { display: inline }
.look { font-weight: 600; margin-bottom: 0 }
"""

LOGIN = """
<p>Who are you today?</p>
<form method="post" action="/signed-in"><input type="hidden" name="httpd_password" value="open sesame">
<p><button name="httpd_username" value="alice">alice, owner at acme</button>
<button name="httpd_username" value="bob">bob, dispatcher at acme</button></p>
<p><button name="httpd_username" value="carol">carol, owner at globex</button>
<button name="httpd_username" value="dave">dave, owner at initech</button></p>
<p><button name="httpd_username" value="olga">olga, who runs the platform</button></p></form>
"""

ACCOUNT = """
<p>A page of the application’s own, with the billing status as an element:</p>
<attune-billing-status features></attune-billing-status>
<script type="module" src="/billing/assets/attune-billing-status.js"></script>
"""

PAGES = {
    "/dispatch/": ("The dispatch board", "<p>Truck 7 to Fresno, truck 9 to Reno.</p>"),
    "/reports/": ("Reports", "<p>All trucks were on time.</p>"),
    "/account": ("Account", ACCOUNT),
    "/sign-in": ("Sign in", LOGIN),
}


def frame(title, body, person=""):
    who = f"<span>Signed in as {person}.</span> <a href='/sign-out'>Sign out</a>" if person else ""
    return (f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
            f"<meta name='viewport' content='width=device-width'><link rel='icon' href='data:,'>"
            f"<link rel='stylesheet' href='/style.css'></head>"
            f"<body><nav aria-label='Site'><a href='/'>Tour</a><a href='/dispatch/'>Dispatch</a><a href='/reports/'>Reports</a>"
            f"<a href='/account'>Account</a><a href='/billing'>Billing</a>{who}</nav><main><h1>{title}</h1>{body}</main>"
            f"</body></html>\n")
