// The live feed: puts what the desk tells into the screens, and says when it tells nothing.

import { setClock } from "./ticking.js";

const SILENT_MS = 12000; // four beats (feed.py)
const AGAIN_MS = 1000;

let source, timer;

export function follow(happened) {
  const lost = document.getElementById("lost");
  const heard = () => {
    lost.hidden = true;
    clearTimeout(timer);
    timer = setTimeout(again, SILENT_MS);
  };
  const again = () => {
    lost.hidden = false;
    source.close();
    clearTimeout(timer);
    timer = setTimeout(open, AGAIN_MS);
  };
  const open = () => {
    source = new EventSource("/feed");
    timer = setTimeout(again, SILENT_MS);
    source.addEventListener("error", again);
    source.addEventListener("beat", (event) => { heard(); setClock(JSON.parse(event.data)); });
    source.addEventListener("out", () => location.assign("/login"));
    for (const name of ["calls", "callbacks", "wall"]) {
      source.addEventListener(name, (event) => {
        heard();
        const told = JSON.parse(event.data);
        put(document.querySelector(`[data-live="${name}"]`), told);
        happened(name, told);
      });
    }
    source.addEventListener("phones", (event) => { heard(); happened("phones", JSON.parse(event.data)); });
  };
  addEventListener("pagehide", () => source && source.close());
  open();
}

// Replace what has changed and nothing else: what is selected or has the focus stays so.
function put(list, told) {
  if (!list) return;
  const had = new Map([...list.children].map((one) => [one.dataset.key, one]));
  for (const [key, html] of Object.entries(told.html)) {
    const frame = document.createElement("template");
    frame.innerHTML = html;
    const made = frame.content.querySelector("[data-key]");
    const old = had.get(key);
    if (old) {
      const focus = old === document.activeElement;
      if (old.hasAttribute("aria-current")) made.setAttribute("aria-current", "true");
      old.replaceWith(made);
      if (focus) made.focus({ preventScroll: true });
    }
    had.set(key, made);
  }
  if (!told.order) return;
  told.order.forEach((key, place) => {
    const one = had.get(key);
    if (list.children[place] !== one) list.insertBefore(one, list.children[place] || null);
  });
  while (list.children.length > told.order.length) list.lastElementChild.remove();
}
