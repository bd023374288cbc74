/* SPDX-License-Identifier: Apache-2.0
 * What is nicer with a script; nothing needs it. */
"use strict";

/* Back from Checkout: looks until the payment has arrived, ever more seldom, and for a minute. */
async function waitForPayment(note) {
  for (const pause of [1, 2, 3, 5, 5, 5, 10, 10, 20]) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
    try {
      const answer = await fetch(note.dataset.wait, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (answer.ok && (await answer.json()).subscribed) {
        location.replace(note.dataset.then);
        return;
      }
    } catch {
      /* The network comes and goes: the next look will tell. */
    }
  }
  note.classList.add("warn");
  note.firstElementChild.hidden = true;
  note.lastElementChild.hidden = false;
}

for (const note of document.querySelectorAll("[data-wait]")) {
  waitForPayment(note);
}

/* The reader's own clock beside the server's UTC. */
for (const time of document.querySelectorAll("time[datetime]")) {
  const date = new Date(time.dateTime);
  if (!Number.isNaN(date.getTime())) {
    time.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
}

/* What was sent is not sent twice. A page that comes back from the browser's memory may send again. */
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") {
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
  }
});
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  }
});
