// Seconds that run: every [data-since] shows how long ago that is, by the desk's clock.

let ahead = 0;

export function setClock(deskSeconds) {
  ahead = deskSeconds - Date.now() / 1000;
}

export function tick(root = document) {
  const now = Date.now() / 1000 + ahead;
  for (const one of root.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.floor(now - Number(one.dataset.since)));
    one.textContent = "long" in one.dataset ? long(seconds) : short(seconds);
    const marks = (one.dataset.late || "").split(",").filter(Boolean).map(Number);
    if (marks.length) one.dataset.level = marks.filter((mark) => seconds >= mark).length;
  }
}

function short(seconds) {
  const rest = String(seconds % 60).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${rest}`;
  return `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${rest}`;
}

function long(seconds) {
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} j ${Math.floor(seconds / 60) % 60} m`;
  return `${Math.floor(seconds / 86400)} h`;
}

setInterval(() => tick(), 500);
