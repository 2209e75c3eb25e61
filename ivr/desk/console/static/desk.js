// What the page sends to the desk, and what it says of it to the operator.

const sayings = document.getElementById("sayings").dataset;
const csrf = document.querySelector("meta[name=csrf]").content;
let clearing;

export function say(text, bad = false) {
  const toast = document.querySelector("[data-toast]");
  toast.textContent = text;
  toast.classList.toggle("trouble", bad);
  clearTimeout(clearing);
  clearing = setTimeout(() => { toast.textContent = ""; }, 8000);
}

export async function send(path, fields) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "X-CSRF-Token": csrf, Accept: "application/json" },
      body: new URLSearchParams(fields),
      signal: AbortSignal.timeout(10000),
    });
    const told = await answer.json();
    if (!answer.ok || told.refused) {
      say(told.said || told.error || sayings.failed, true);
      return null;
    }
    return told;
  } catch {
    say(sayings.failed, true);
    return null;
  }
}

export async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(10000) });
  if (answer.redirected) location.assign("/login");
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}
