// What a script adds to the console: requests that come in by themselves, and light and dark at once. Everything works without it.
"use strict";
const rows = document.getElementById("rows"), pause = document.getElementById("pause"), root = document.documentElement;

if (rows && pause) {
  let live = true;
  pause.hidden = false;
  pause.addEventListener("click", () => {
    live = !live;
    pause.textContent = live ? pause.dataset.on : pause.dataset.off;
    pause.setAttribute("aria-pressed", String(live));
  });
  setInterval(() => {
    if (!live || document.hidden || rows.contains(document.activeElement)) return;
    const address = new URL(rows.dataset.live, location.href);
    address.searchParams.set("part", "rows");
    fetch(address, { headers: { Accept: "text/html" } }).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer))).then((text) => {
      const fresh = new DOMParser().parseFromString(`<table><tbody>${text}</tbody></table>`, "text/html");
      rows.replaceChildren(...fresh.querySelectorAll("tr"));
    }).catch(() => {});
  }, 2000);
}

const theme = document.getElementById("theme");
theme.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  fetch(theme.form.action, { method: "POST", body: new URLSearchParams({ theme: root.dataset.theme }), headers: { Accept: "application/json" } }).catch(() => {});
});
