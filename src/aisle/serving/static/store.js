// What a script adds to the storefront: ways to go on typing, forms without a new page, light and dark at once, what came into sight.
// Everything works without it.
"use strict";
const box = document.getElementById("q"), toast = document.getElementById("toast"), held = document.getElementById("held");

function say(text) {
  const line = document.createElement("span");
  line.textContent = text;
  toast.replaceChildren(line);
  setTimeout(() => line.remove(), 4000);
}
if (toast.firstElementChild) say(toast.textContent);

function send(address, fields) {
  return fetch(address, { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "application/json" }, keepalive: true })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer)));
}

// Put in the basket and hide: the button's own form, sent without leaving the page.
document.addEventListener("submit", (event) => {
  const button = event.submitter, card = button && button.closest(".card, .buy");
  if (!card || event.target.id !== "act" || "reload" in button.dataset) return;
  event.preventDefault();
  const action = button.formAction, hide = action.endsWith("/do/hide");
  button.disabled = true;
  send(action, { item: button.value }).then((told) => {
    held.textContent = told.basket;
    held.hidden = !told.basket;
    say(told.say);
    if (hide) return leave(card);
    button.classList.add("done");
    button.disabled = false;
    button.focus();
  }).catch(() => { button.disabled = false; event.target.action = action; event.target.requestSubmit(button); });
});

function leave(card) {
  const next = card.nextElementSibling || card.previousElementSibling;
  card.classList.add("gone");
  setTimeout(() => { card.remove(); if (next) next.querySelector("a").focus({ preventScroll: true }); }, 250);
}

// Light and dark.
const theme = document.getElementById("theme"), root = document.documentElement;
if (theme) theme.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  send(theme.form.action, { theme: root.dataset.theme }).catch(() => {});
});

// One menu at a time, closed by Escape and by a click beside it.
const menus = [...document.querySelectorAll("details.menu")];
document.addEventListener("click", (event) => menus.forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  menus.filter((menu) => menu.open).forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
});

// Ways to go on typing: a list box under the search box.
if (box) {
  const list = document.createElement("ul");
  Object.assign(list, { id: "ways", className: "ways", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", box.dataset.ways);
  box.form.append(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "ways", "aria-autocomplete": "list" })) box.setAttribute(name, value);
  let asked = 0, chosen = -1, typed = box.value, timer = 0;

  const close = () => { list.hidden = true; chosen = -1; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); };
  const choose = (place) => {
    const rows = [...list.children], row = rows[place];
    chosen = place;
    rows.forEach((one) => one.setAttribute("aria-selected", String(one === row)));
    box.value = row ? row.dataset.text : typed;
    if (row) box.setAttribute("aria-activedescendant", row.id); else box.removeAttribute("aria-activedescendant");
  };
  const row = (one, number) => {
    const line = document.createElement("li"), start = one.text.toLowerCase().indexOf(typed.toLowerCase());
    Object.assign(line, { id: `way${number}` });
    line.dataset.text = one.text;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    const bold = document.createElement("b"), text = document.createElement("span");
    if (start === 0 && typed) { bold.textContent = one.text.slice(typed.length); text.append(one.text.slice(0, typed.length), bold); } else text.append(one.text);
    line.append(text);
    if (box.dataset[one.kind]) line.append(Object.assign(document.createElement("small"), { textContent: box.dataset[one.kind] }));
    line.addEventListener("pointerdown", (event) => { event.preventDefault(); box.value = one.text; box.form.requestSubmit(); });
    return line;
  };
  const ask = () => {
    const mine = ++asked;
    if (!typed.trim()) return close();
    fetch(`/do/complete?q=${encodeURIComponent(typed)}`, { headers: { Accept: "application/json" } }).then((answer) => answer.json()).then((told) => {
      if (mine !== asked || document.activeElement !== box) return;
      list.replaceChildren(...told.completions.map(row));
      chosen = -1;
      list.hidden = !list.children.length;
      box.setAttribute("aria-expanded", String(!list.hidden));
    }).catch(close);
  };
  box.addEventListener("input", () => { typed = box.value; clearTimeout(timer); timer = setTimeout(ask, 80); });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && !list.hidden) { event.preventDefault(); box.value = typed; close(); }
    if (list.hidden || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const rows = list.children.length;
    choose(event.key === "ArrowDown" ? (chosen + 1 < rows ? chosen + 1 : -1) : (chosen >= 0 ? chosen - 1 : rows - 1));
  });
}

// What came into sight, told once and only where the visitor agreed.
if (document.body.dataset.seen && "IntersectionObserver" in window) {
  const shown = new Set();
  const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    watch.unobserve(entry.target);
    shown.add(entry.target.dataset.item);
  }), { threshold: 0.5 });
  document.querySelectorAll(".card[data-item]").forEach((card) => watch.observe(card));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden" || !shown.size) return;
    navigator.sendBeacon(document.body.dataset.seen, new URLSearchParams([...shown].map((item) => ["item", item])));
    shown.clear();
  });
}
