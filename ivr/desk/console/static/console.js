// The console: one document whose screens change, so that the telephone in it is never unloaded.

import { follow } from "./feed.js";
import { listen } from "./keys.js";
import { get, say, send } from "./desk.js";
import { tick } from "./ticking.js";
import { hear } from "./tones.js";

const sayings = document.getElementById("sayings").dataset;
const meta = (name) => document.querySelector(`meta[name=${name}]`).content;
const account = meta("account");
const user = meta("user");
const screens = [...document.querySelectorAll("[data-screen]")];
const drafts = new Map(); // what was typed of a call that was left, by its reference
let shown = ""; // the call in the brief; empty: the one on my telephone
let mine = ""; // the call on my telephone
let armed = false; // the next agency's key sends the caller there blindly
let query = "";

// ---------------------------------------------------------------------------------- which screen

function here() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const screen = screens.find((one) => one.id === name) || screens[0];
  return { screen, argument: decodeURIComponent(rest.join("/")) };
}

let turned;

function turn() {
  turned = location.hash;
  const { screen, argument } = here();
  for (const one of screens) one.hidden = one !== screen;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${screen.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.querySelector("header [hreflang]").hash = location.hash;
  disarm();
  document.title = `${screen.getAttribute("aria-label")} · Siaga 112`;
  if (screen.id === "caller") brief(argument || mine || shown);
  if (screen.id === "history") history(query);
  if (!screen.querySelector("[data-row][aria-current]")) move(1);
}

function move(by) {
  const rows = [...here().screen.querySelectorAll("[data-row]")];
  if (!rows.length) return false;
  const now = rows.findIndex((row) => row.hasAttribute("aria-current"));
  const next = rows[Math.min(Math.max(now + by, 0), rows.length - 1)];
  rows.forEach((row) => row.removeAttribute("aria-current"));
  next.setAttribute("aria-current", "true");
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

// -------------------------------------------------------------------------------------- the brief

let asking = null, again = false;

async function brief(callref) {
  keep();
  shown = callref;
  if (asking) { again = true; return; }
  asking = get(`/panel/caller?call=${encodeURIComponent(callref)}`);
  try {
    put(await asking);
  } catch {
    say(sayings.failed, true);
  } finally {
    asking = null;
  }
  if (again) { again = false; await brief(shown); }
}

function put(html) {
  const place = document.querySelector('[data-fetched="caller"]');
  const frame = document.createElement("template");
  frame.innerHTML = html;
  const made = frame.content.querySelector(".brief");
  const old = place.querySelector(".brief");
  const form = place.querySelector("form");
  const same = made && old && made.dataset.call === old.dataset.call;
  if (!same) disarm();
  const busy = form && ("touched" in form.dataset || form.contains(document.activeElement));
  if (same && busy) {
    old.querySelector('[data-part="facts"]').replaceWith(made.querySelector('[data-part="facts"]'));
  } else {
    place.replaceChildren(frame.content);
    const draft = made && drafts.get(made.dataset.call);
    if (draft) fill(place.querySelector("form"), draft);
  }
  if (made) shown = made.dataset.call;
  hear(made && shown === mine ? states(place) : {});
  // Asterisk has let it go, and the journal does not say yet how it ended.
  if (place.querySelector(".lead.ending")) setTimeout(() => here().screen.id === "caller" && brief(shown), 500);
  tick(place);
}

function states(place) {
  const agencies = [...place.querySelectorAll("[data-agency]")];
  return Object.fromEntries(agencies.map((one) => [one.dataset.agency, one.dataset.state]));
}

// What was typed of a call stays with it, whatever is looked at meanwhile.
function keep() {
  const form = document.querySelector("form[data-touched]");
  if (form) drafts.set(form.closest(".brief").dataset.call, read(form));
}

function read(form) {
  const data = new FormData(form);
  return { district: data.get("district"), note: data.get("note"), agencies: data.getAll("agencies") };
}

function fill(form, draft) {
  form.district.value = draft.district;
  form.note.value = draft.note;
  for (const box of form.querySelectorAll("[name=agencies]")) box.checked ||= draft.agencies.includes(box.value);
  form.dataset.touched = "";
}

async function outcome(form, disposition) {
  const call = form.closest(".brief").dataset.call;
  const { district, note, agencies } = read(form);
  const told = await send("/outcome", { call, disposition, district, note, agencies: agencies.join(" ") });
  if (!told) return;
  drafts.delete(call);
  delete form.dataset.touched;
  document.activeElement.blur();
  const names = told.told.map((name) => name.toUpperCase()).join(", ");
  say(names ? `${sayings.stored}; ${sayings.told}: ${names}` : sayings.stored);
  await brief(call);
}

// ------------------------------------------------------------------------------------- the others

async function history(asked) {
  query = asked;
  try {
    document.querySelector('[data-fetched="history"]').innerHTML = await get(`/panel/history?${asked}`);
  } catch {
    say(sayings.failed, true);
  }
}

function happened(name, told) {
  if (name === "phones") seat(told.html);
  if (name === "callbacks") {
    for (const row of document.querySelectorAll(".callback")) {
      for (const part of row.querySelectorAll("[data-mine]")) part.hidden = row.dataset.by !== user;
    }
  }
  if (name === "calls") {
    const waiting = document.querySelector("[data-waiting]");
    document.body.dataset.waiting = waiting ? waiting.dataset.waiting : "0";
    const concerns = shown && (shown in told.html || (told.order && !told.order.includes(shown)));
    if (concerns && here().screen.id === "caller" && document.querySelector(".brief .lead:not(.over)")) brief(shown);
  }
  tick();
}

let phone = {};

function seat(told) {
  if (!account || !(account in told)) return;
  const now = JSON.parse(told[account]);
  const place = document.querySelector("[data-my-state]");
  if (place) place.textContent = sayings[now.state] || sayings.off;
  mine = now.call || "";
  const comes = mine && phone.call !== mine; // a telephone may be answered before we hear that it rings
  phone = now;
  if (comes) location.hash = `#caller/${encodeURIComponent(mine)}`;
}

// ---------------------------------------------------------------------------------------- orders

function disarm() {
  armed = false;
  document.body.classList.remove("armed");
}

async function order(button) {
  const { order: what, hotline, account: whose } = button.dataset;
  const fields = { what: armed && what === "bring-in" ? "transfer" : what };
  if (whose) {
    const reason = document.querySelector("[data-reason]");
    Object.assign(fields, { account: whose, reason: reason && whose === account ? reason.value : "supervisor" });
    if (whose === account) document.dispatchEvent(new CustomEvent(`siaga:${what}`, { detail: { reason: fields.reason } }));
  } else {
    fields.call = button.closest("[data-call]").dataset.call; // the one that the button stands beside
  }
  if (hotline) fields.hotline = hotline;
  disarm();
  if (await send("/order", fields)) say(sayings.done);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { dataset } = button;
  if (dataset.order) order(button);
  else if ("arm" in dataset) {
    armed = true;
    document.body.classList.add("armed");
    say(sayings.armed, true);
  } else if (dataset.disposition) outcome(button.closest("form"), dataset.disposition);
  else if (dataset.callback) {
    send("/callback", { what: dataset.callback, number: button.closest("[data-number]").dataset.number });
  } else if (dataset.page) {
    const asked = new URLSearchParams(query);
    asked.set("page", dataset.page);
    history(asked.toString());
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { disarm(); say(""); }
});
document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-outcome]");
  if (form) form.dataset.touched = "";
});
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-history]")) {
    event.preventDefault();
    history(new URLSearchParams(new FormData(event.target)).toString());
  } else if (event.target.matches("[data-outcome]")) event.preventDefault();
});
document.addEventListener("focusin", (event) => {
  const row = event.target.closest("[data-row]");
  if (!row || row.hasAttribute("aria-current")) return;
  for (const one of row.parentElement.children) one.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
});
// At once, and not when the browser says so: the next key may be one of that screen.
document.addEventListener("click", (event) => {
  const link = event.target.closest("nav a, a[data-row]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  location.hash = link.hash;
  turn();
});
addEventListener("hashchange", () => { if (location.hash !== turned) turn(); });
listen(move);
follow(happened);
turn();
