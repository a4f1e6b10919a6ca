// Light and dark at once: htmx tells the server, this draws it before the answer. Without a script the form does both, with a new page.
"use strict";
const root = document.documentElement;

// On a phone the console's pages stand in one line: the one that is open comes into sight.
document.querySelector(".rail [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.getElementById("theme").addEventListener("htmx:config:request", (event) => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  event.detail.ctx.request.body.set("theme", root.dataset.theme);
});
