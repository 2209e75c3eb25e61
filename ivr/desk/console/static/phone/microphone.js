// The microphone, or why there is none: "insecure" | "refused" | "missing" | "busy".

const VOICE = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } };

export async function microphone() {
  if (!navigator.mediaDevices) throw new Error("insecure"); // neither https nor this very machine
  try {
    return await navigator.mediaDevices.getUserMedia(VOICE);
  } catch (error) {
    throw new Error({ NotAllowedError: "refused", NotFoundError: "missing" }[error.name] || "busy");
  }
}

// For who only wants to listen.
export function silence() {
  return new AudioContext().createMediaStreamDestination().stream;
}
