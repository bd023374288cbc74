/* SPDX-License-Identifier: Apache-2.0
 * What is nicer with a script; nothing needs it. */
"use strict";

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
