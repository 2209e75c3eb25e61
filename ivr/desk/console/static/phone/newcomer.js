// A newcomer's telephone: dials 112, and nothing else.

import { Line } from "./line.js";
import { microphone, silence } from "./microphone.js";
import { Socket } from "./socket.js";

const page = document.getElementById("newcomer");
const part = (name) => page.querySelector(`[data-${name}]`);
const dial = part("dial");
const hangUp = part("hangup");
const keys = [...page.querySelectorAll("[data-digit]")];

let line = null;
let called = false;
let deaf = "";

async function secret() {
  const answer = await fetch("/phone/newcomer", { signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error("away");
  return answer.json();
}

async function call() {
  if (line) return;
  show("connecting");
  called = false;
  deaf = "";
  let voice;
  try {
    voice = await microphone();
  } catch (error) {
    deaf = error.message;
    voice = silence();
  }
  try {
    line = new Line({ socket: new Socket("/ws/newcomer"), secret, microphone: voice, registers: false, tell });
    await line.start();
  } catch {
    end("away");
  }
}

function tell() {
  if (!line) return;
  const { state } = line;
  if (state === "ready" && !called) {
    called = true;
    line.call("112");
  } else if (state === "ready" || (state === "lost" && called)) end("over");
  else if (state === "lost" || state === "off") end("away");
  else show(state);
}

function end(state) {
  const ended = line;
  line = null; // it has no more to tell
  for (const track of ended?.microphone.getTracks() || []) track.stop();
  ended?.stop();
  show(state);
}

function show(state) {
  const going = ["connecting", "calling", "talking"].includes(state);
  page.dataset.state = state;
  part("said").textContent = page.dataset[`is_${state}`];
  part("deaf").textContent = deaf ? page.dataset[`no_${deaf}`] : "";
  const had = document.activeElement;
  dial.hidden = going;
  hangUp.hidden = !going;
  if (had === dial && going) keys[0].focus();
  if (had === hangUp && !going) dial.focus();
  for (const key of keys) key.disabled = !line;
}

function press(digit) {
  line?.press(digit);
  part("pressed").textContent += digit;
}

dial.addEventListener("click", () => { part("pressed").textContent = ""; call(); });
hangUp.addEventListener("click", () => (line?.state === "talking" || line?.state === "calling" ? line.hangUp() : end("over")));
page.addEventListener("click", (event) => {
  const key = event.target.closest("[data-digit]");
  if (key) press(key.dataset.digit);
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (line && /^[0-9*#]$/.test(event.key)) press(event.key);
  if (line && event.key === "Escape") hangUp.click();
});
addEventListener("pagehide", () => line?.hangUp());
show("idle");
dial.disabled = false;
dial.focus();
