// The operator's telephone, at the foot of the console. The screens and it know one another by events:
// it does what `siaga:ready`, `siaga:pause`, `siaga:answer`, `siaga:hold`, `siaga:mute` and `siaga:hangup`
// say, and says `siaga:phone` with {state}. Pausing is the queue's, by an order of the screens.

import { Line } from "./line.js";
import { microphone } from "./microphone.js";
import { ring } from "./ring.js";
import { Socket } from "./socket.js";

const bar = document.getElementById("phone");
const csrf = document.querySelector("meta[name=csrf]").content;
const part = (name) => bar.querySelector(`[data-phone-${name}]`);
const buttons = Object.fromEntries([...bar.querySelectorAll("[data-phone]")].map((one) => [one.dataset.phone, one]));
const FUNCTION_KEYS = { F2: "answer", F4: "hold", F8: "mute", F9: "hangup" };
const TALK = ["talking", "held"];
const WAS_ON = "siaga-phone-on"; // in this tab: a page that is loaded again logs in again by itself

// The desk must know a page that comes back from a second one.
const tab = sessionStorage.getItem("siaga-tab") || crypto.getRandomValues(new Uint32Array(3)).join("");
sessionStorage.setItem("siaga-tab", tab);

let line = null;
let trouble = "";
let said = "";

async function secret() {
  const answer = await fetch("/phone/account", {
    method: "POST",
    headers: { "X-CSRF-Token": csrf, Accept: "application/json" },
    signal: AbortSignal.timeout(10000),
  });
  if (!answer.ok) throw new Error(answer.status === 404 ? "no-phone" : "away");
  return answer.json();
}

async function on(insists = false) {
  if (line && line.state !== "off") return;
  trouble = "";
  const socket = new Socket("/ws/operator", { tab });
  socket.insists = insists;
  show("connecting");
  try {
    line = new Line({ socket, secret, microphone: await microphone(), registers: true, tell });
    await line.start();
    sessionStorage.setItem(WAS_ON, "1");
  } catch (error) {
    off();
    trouble = bar.dataset[`no_${error.message}`] ? error.message : "away";
    show("off");
  }
}

function off() {
  sessionStorage.removeItem(WAS_ON);
  if (!line) return;
  for (const track of line.microphone.getTracks()) track.stop();
  line.stop();
  line = null;
}

function tell() {
  if (line.state === "off" && line.socket.why) {
    trouble = line.socket.why;
    sessionStorage.removeItem(WAS_ON);
    for (const track of line.microphone.getTracks()) track.stop();
  }
  show(line.state);
}

function show(state) {
  const talks = TALK.includes(state);
  const lost = Boolean(line?.lost) && state !== "off";
  bar.dataset.state = state;
  bar.classList.toggle("lost", lost || Boolean(trouble));
  part("state").textContent = trouble ? "" : bar.dataset[`is_${state}`];
  const { name, number } = line?.caller || {};
  part("who").textContent = talks || state === "ringing" ? [name, number].filter(Boolean).join(" · ") : "";
  const why = trouble ? bar.dataset[`no_${trouble}`] : lost ? bar.dataset[talks ? "lost_talking" : "lost"] : "";
  part("why").textContent = why.replace("{by}", line?.socket.by || "");
  buttons.on.hidden = state !== "off" || trouble === "taken" || trouble === "displaced";
  buttons.insist.hidden = !(state === "off" && (trouble === "taken" || trouble === "displaced"));
  buttons.off.hidden = state === "off" || talks || state === "ringing";
  buttons.answer.hidden = state !== "ringing";
  buttons.hangup.hidden = !talks && state !== "ringing";
  buttons.hold.hidden = buttons.mute.hidden = part("keys").hidden = !talks;
  buttons.hold.setAttribute("aria-pressed", state === "held");
  buttons.mute.setAttribute("aria-pressed", Boolean(line?.muted));
  ring(state === "ringing");
  if (state === said) return;
  said = state;
  const typing = document.activeElement?.matches("input, textarea, select");
  if (state === "ringing" && !typing) buttons.answer.focus();
  document.dispatchEvent(new CustomEvent("siaga:phone", { detail: { state } }));
}

const does = {
  on: () => on(),
  insist: () => on(true),
  off: () => { trouble = ""; off(); show("off"); },
  answer: () => line?.answer(),
  hold: () => line?.hold(),
  mute: () => line?.mute(),
  hangup: () => line?.hangUp(),
};

bar.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.phone) does[button.dataset.phone]();
  if (button?.dataset.digit) line.press(button.dataset.digit);
});

// They work while a note is typed too. In the keys of the telephone, keys are keys.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const what = FUNCTION_KEYS[event.key];
  if (what) {
    if (!buttons[what].hidden) does[what]();
    event.preventDefault();
  } else if (/^[0-9*#]$/.test(event.key) && part("keys").contains(event.target)) {
    line?.press(event.key);
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

for (const [name, what] of [["ready", "on"], ["answer", "answer"], ["hold", "hold"], ["mute", "mute"], ["hangup", "hangup"]]) {
  document.addEventListener(`siaga:${name}`, () => does[what]());
}
addEventListener("beforeunload", (event) => {
  if (TALK.includes(line?.state)) event.preventDefault();
});
if (sessionStorage.getItem(WAS_ON)) on();
else show("off");
