// The operator's telephone rings, aloud: Indonesia's ringing tone, a little quicker.

let context = null;
let rings = null;

export function ring(wanted) {
  if (wanted === Boolean(rings)) return;
  if (!wanted) {
    clearInterval(rings);
    rings = null;
    context?.suspend();
    return;
  }
  context ||= new AudioContext();
  context.resume();
  burst();
  rings = setInterval(burst, 2000);
}

function burst() {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = 425;
  volume.gain.value = 0.2;
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.8);
}
