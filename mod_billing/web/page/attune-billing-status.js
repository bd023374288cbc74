/* SPDX-License-Identifier: Apache-2.0
 * <attune-billing-status>: how billing stands, on any page of the site. A page includes this file as
 *
 *   <script src="MOUNT/assets/attune-billing-status.js" type="module"></script>
 *
 * MOUNT being the page mount. It shows what MOUNT/status.json says, and nothing where nobody is signed in. With the
 * attribute `features` it lists features and limits, too. It may be told apart by `kind`, which it sets to status.json's
 * kind, and styled by --attune-ink, --attune-soft, --attune-ground, --attune-line and --attune-accent. */
const mount = new URL("..", import.meta.url);

/* No inline style: the site's Content-Security-Policy may forbid it. */
const style = new CSSStyleSheet();
style.replaceSync(`
  :host { display: block; color: var(--attune-ink, inherit); font: inherit; }
  :host([hidden]) { display: none; }
  section { border: 1px solid var(--attune-line, currentColor); border-radius: 8px; padding: 1em 1.2em;
    background: var(--attune-ground, transparent); }
  p { margin: 0 0 .5em; }
  .badge { font-size: .85em; border: 1px solid currentColor; border-radius: 99em; padding: .1em .7em; }
  .headline { font-weight: 600; }
  .soft { color: var(--attune-soft, inherit); font-size: .9em; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1em; margin: .8em 0; overflow-wrap: anywhere; }
  dt { font-weight: 600; }
  dd { margin: 0; }
  a { color: var(--attune-accent, LinkText); }
`);

function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) {
    made.className = className;
  }
  return made;
}

class AttuneBillingStatus extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });

  connectedCallback() {
    this.#root.adoptedStyleSheets = [style];
    this.refresh();
  }

  /* Looks again. What is shown stays where that fails. */
  async refresh() {
    const answer = await fetch(new URL("status.json", mount), { headers: { Accept: "application/json" } });
    if (answer.ok) {
      this.#show(await answer.json());
    }
  }

  #show(status) {
    const section = document.createElement("section");
    const link = element("a", status.linkText);
    const lines = [status.detail, status.hint, status.notice].filter((line) => line);

    link.href = new URL(status.link, mount);
    section.append(element("p", status.headline, "headline"));
    section.firstChild.before(element("p", ""));
    section.firstChild.append(element("span", status.badge, "badge"));
    section.append(...lines.map((line) => element("p", line, "soft")));
    if (this.hasAttribute("features")) {
      const list = document.createElement("dl");
      for (const row of [...status.features, ...status.limits]) {
        list.append(element("dt", row.key), element("dd", row.text));
      }
      section.append(list);
    }
    section.append(document.createElement("p"));
    section.lastChild.append(link);
    this.#root.replaceChildren(section);
    this.setAttribute("kind", status.kind);
  }
}

customElements.define("attune-billing-status", AttuneBillingStatus);
