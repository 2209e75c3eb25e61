// What an operator hears of an agency that he brings in, as a telephone would say it: it rings, or it cannot
// be had. The caller hears none of it: it comes out of the console, not out of the call.
// Indonesia's tones (asterisk/etc/indications.conf).

const HZ = 425;
const LOUDNESS = 0.08;
const FAILED = new Set(["busy", "no-answer", "failed"]);
const TONES = {
  ringing: { on: 1000, off: 2000, times: 20 },
  busy: { on: 500, off: 500, times: 3 },
};

let before = {}, playing = "", context, timer;

// `states` are those of the agencies in the operator's own call, by name.
export function hear(states) {
  const failed = Object.entries(states).some(([agency, state]) => before[agency] === "ringing" && FAILED.has(state));
  before = states;
  if (Object.values(states).includes("ringing")) play("ringing");
  else if (failed) play("busy");
  else if (playing === "ringing") play("");
}

function play(name) {
  if (name === playing) return;
  clearTimeout(timer);
  playing = name;
  document.body.dataset.tone = name;
  if (name) beep(TONES[name], TONES[name].times);
}

function beep(tone, times) {
  if (!times) return play("");
  context ||= new AudioContext();
  const source = context.createOscillator();
  const volume = context.createGain();
  source.frequency.value = HZ;
  volume.gain.value = LOUDNESS;
  source.connect(volume).connect(context.destination);
  source.start();
  source.stop(context.currentTime + tone.on / 1000);
  timer = setTimeout(() => beep(tone, times - 1), tone.on + tone.off);
}
