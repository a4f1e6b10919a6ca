// What a script adds to the storefront beside htmx: the keys of the search box, one menu at a time, where the focus goes, what came into
// sight. Everything works without it.
"use strict";
const box = document.getElementById("q"), list = document.getElementById("ways");

// Basket and hidden items: a button that is pressed twice acts once, but for more and less of one item; the focus goes on from what goes; and
// where a request fails the form is sent as without a script.
let last = "";
document.addEventListener("htmx:config:request", (event) => {
  const { sourceElement: button, sourceEvent: click, request } = event.detail.ctx;
  if (request.form?.id !== "act") return;
  const counts = button.matches(".many button"), again = click.detail > 1 && !(counts && button.value === last);
  last = button.value;
  if (button.ariaBusy || again) event.preventDefault(); else if (!counts) button.ariaBusy = "true";
});
document.addEventListener("htmx:before:swap", (event) => {
  const { sourceElement: button, swap } = event.detail.ctx, card = button.closest(".card");
  if (!swap.startsWith("delete")) return;
  (card.nextElementSibling || card.previousElementSibling)?.querySelector("a").focus({ preventScroll: true });
});
document.addEventListener("htmx:finally:request", (event) => {
  const { sourceElement: button, request, response } = event.detail.ctx;
  if (request.form?.id !== "act") return;
  button.ariaBusy = null;
  if (!response?.raw.ok) return button.form?.requestSubmit(button);
  button.classList.toggle("done", button.matches(".put"));
  if (document.activeElement === document.body) document.getElementById("content").focus({ preventScroll: true });
});

// One menu at a time, closed by Escape and by a click beside it.
const menus = [...document.querySelectorAll("details.menu")];
document.addEventListener("click", (event) => menus.forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; }));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  menus.filter((menu) => menu.open).forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
});

// Ways to go on typing: htmx fetches them into the list below the search box; arrows choose among them.
let chosen = -1, typed = box.value;
const choose = (place) => {
  const row = list.children[place];
  chosen = place;
  [...list.children].forEach((one) => one.setAttribute("aria-selected", String(one === row)));
  box.value = row ? row.dataset.text : typed;
  if (row) box.setAttribute("aria-activedescendant", row.id); else box.removeAttribute("aria-activedescendant");
};
const show = (open) => {
  chosen = -1;
  list.hidden = !open;
  box.setAttribute("aria-expanded", String(open));
  box.removeAttribute("aria-activedescendant");
};
for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "ways", "aria-autocomplete": "list" })) box.setAttribute(name, value);
box.addEventListener("input", () => { typed = box.value; });
box.addEventListener("htmx:before:swap", (event) => { if (document.activeElement !== box) event.preventDefault(); });
box.addEventListener("htmx:after:swap", (event) => show(event.detail.ctx.response.raw.ok && list.children.length > 0));
for (const name of ["blur", "htmx:error"]) box.addEventListener(name, () => show(false));
box.addEventListener("keydown", (event) => {
  if (event.isComposing || list.hidden) return;
  if (event.key === "Escape") { event.preventDefault(); box.value = typed; show(false); }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], rows = list.children.length;
  if (!step) return;
  event.preventDefault();
  choose((chosen + 1 + step + rows + 1) % (rows + 1) - 1);
});
list.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  const row = event.target.closest("li");
  if (row) { box.value = row.dataset.text; box.form.requestSubmit(); }
});

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
