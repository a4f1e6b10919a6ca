/* Tells Aisle what is seen, opened and added on a shop's page: docs/embedding.md */
(() => {
const { src, dataset: own } = document.currentScript, to = new URL("/v1/events", src), on = addEventListener, text = JSON.stringify;
const id = () => crypto.getRandomValues(new Uint32Array(4)).reduce((all, n) => all + n.toString(36), "");
const box = (name, value) => {
 try {
  const kind = name === "aisle.queue" ? sessionStorage : localStorage;
  if (!value) return JSON.parse(kind.getItem(name));
  kind.setItem(name, text(value));
 } catch {}
};
let queue = box("aisle.queue") || [], timer, pause = 1e3, visit;
const seen = new Set();
const session = () => {
 const at = Date.now(), last = box("aisle.session") || visit;
 visit = { id: last && at - last.at < 18e5 ? last.id : id(), at };
 box("aisle.session", visit);
 return visit.id;
};
const keep = () => {
 box("aisle.queue", queue = queue.slice(-200));
 timer ||= queue[0] && setTimeout(flush, pause);
};
const post = (part, keepalive) => fetch(to, {
 method: "POST", keepalive, body: text(part),
 headers: { "Content-Type": "application/json", ...(own.key && { Authorization: "Bearer " + own.key }) }
});
const flush = async () => {
 const part = queue.slice(0, 50);
 let status = 999;
 try { status = (await post(part)).status; } catch {}
 timer = 0;
 if (status === 429 || status > 499) pause = Math.min(pause * 2, 6e4);
 else queue = queue.filter(e => !part.includes(e)), pause = 1e3;
 keep();
};
const leave = () => {
 const part = queue.slice(-50);
 if (part[0]) own.key ? post(part, true).catch(() => {}) : navigator.sendBeacon(to, text(part));
};
const send = (type, item_id, more) => {
 queue.push({ event_id: id(), type, item_id, user_id: own.user, session_id: session(), timestamp: Date.now(),
  consent: own.consent !== "false" && undefined, ...more });
 keep();
};
const cards = root => [...root.querySelectorAll("[data-aisle-item]")];
const tell = (type, card) => {
 const list = card.closest("[data-aisle-request]"), from = list?.dataset || {}, request_id = from.aisleRequest;
 const item = card.dataset.aisleItem, rank = +(card.dataset.aisleRank ?? (list ? cards(list).indexOf(card) : NaN));
 if (type === "impression" && seen.size === seen.add(request_id + " " + item).size) return;
 send(type, item, { request_id, surface: from.aisleSurface, query: from.aisleQuery, rank });
};
const eye = new IntersectionObserver(all => all.forEach(({ isIntersecting, target }) => {
 if (isIntersecting) eye.unobserve(target), tell("impression", target);
}), { threshold: .5 });
const watch = () => cards(document).forEach(card => eye.observe(card));
on("click", ({ target }) => {
 const card = target.closest("[data-aisle-item]");
 if (card && target.closest("[data-aisle-cart]")) tell("cart", card);
 else if (card && target.closest("a,[data-aisle-click]")) tell("click", card);
}, true);
on("pagehide", leave);
on("visibilitychange", () => document.hidden && leave());
watch();
new MutationObserver(watch).observe(document, { childList: true, subtree: true });
keep();
window.aisle = { send };
})();
