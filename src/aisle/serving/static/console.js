// What a script adds to the requests that htmx fetches every two seconds: a button that stops them, and rest while nobody or somebody looks close.
"use strict";
const rows = document.getElementById("rows"), pause = document.getElementById("pause");
let live = true;

pause.hidden = false;
pause.addEventListener("click", () => {
  live = !live;
  pause.textContent = live ? pause.dataset.on : pause.dataset.off;
  pause.setAttribute("aria-pressed", String(live));
});
rows.addEventListener("htmx:config:request", (event) => {
  if (!live || document.hidden || rows.contains(document.activeElement)) event.preventDefault();
});
