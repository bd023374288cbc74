# SPDX-License-Identifier: Apache-2.0
"""The sample application's pages."""

STYLE = """
:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif }
body { max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
nav a, nav button { margin-right: 1rem }
button { font: inherit; padding: .5rem 1rem; min-height: 44px }
code { font-size: .9em } li { margin: .3rem 0 }
"""

SCRIPT = """
async function post(route, body) {
    const answer = await fetch("/api/v1/billing/" + route, {method: "POST",
        headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
    const json = await answer.json();
    if (json.url) location.href = json.url;
    else document.querySelector("#said").textContent = json.title + ": " + json.detail;
}
document.querySelector("#buy")?.addEventListener("click", () => post("checkout-session", {}));
document.querySelector("#manage")?.addEventListener("click", () => post("portal-session", {}));
fetch("/api/v1/billing/summary" + location.search).then(answer => answer.json()).then(json => {
    const shown = document.querySelector("#summary");
    if (shown) shown.textContent = JSON.stringify(json, null, 2);
});
"""

HOME = """
<p>Freight with Friends, a trucking application for several organisations. Sign in as one of them, look around, buy, come
back.</p>
<ol>
<li><a href="/dispatch/">The dispatch board</a> is gated: <code>BillingRequireFeature trucking.dispatch</code>. Without a
subscription the answer is 402.</li>
<li><a href="/billing">Billing</a>: buy with the test card 4242 4242 4242 4242, then see the board open.</li>
<li><a href="/reports/">Reports</a> are only watched: <code>BillingEnforce monitor</code>. They open for everybody, and the
log says who would have been stopped.</li>
</ol>
"""

LOGIN = """
<p>Who are you today?</p>
<form method="post" action="/signed-in"><input type="hidden" name="httpd_password" value="open sesame">
<p><button name="httpd_username" value="alice">alice, owner at acme</button>
<button name="httpd_username" value="bob">bob, dispatcher at acme</button></p>
<p><button name="httpd_username" value="carol">carol, owner at globex</button>
<button name="httpd_username" value="dave">dave, owner at initech</button></p></form>
"""

BILLING = """
<p><button id="buy">Subscribe</button> <button id="manage">Manage</button></p>
<p id="said" role="status"></p><h2>What the summary route says</h2><pre id="summary">…</pre>
<script src="/app.js"></script>
"""

PAGES = {
    "/": ("Freight with Friends", HOME),
    "/dispatch/": ("The dispatch board", "<p>Truck 7 to Fresno, truck 9 to Reno.</p>"),
    "/reports/": ("Reports", "<p>All trucks were on time.</p>"),
    "/billing": ("Billing", BILLING),
    "/sign-in": ("Sign in", LOGIN),
}


def frame(title, body, person=""):
    who = f"<span>Signed in as {person}.</span> <a href='/sign-out'>Sign out</a>" if person else ""
    return (f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
            f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style></head>"
            f"<body><nav><a href='/'>Home</a><a href='/dispatch/'>Dispatch</a><a href='/reports/'>Reports</a>"
            f"<a href='/billing'>Billing</a>{who}</nav><main><h1>{title}</h1>{body}</main></body></html>\n")
