// One key an action: what shows [data-hot] is pressed by that key, if it can be seen.
// What ends a call has no letter: whoever types a note beside its field ends nobody's call.

const TYPING = "input:not([type=checkbox]), textarea, select";

export function listen(move) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const held = event.repeat; // a key that is held moves on a list, and orders nothing twice
    if (event.target.matches(TYPING)) {
      if (event.key === "Escape" || (event.key === "Enter" && !event.target.closest("[data-history], .card"))) {
        event.target.blur();
        event.preventDefault();
      }
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (move(event.key === "ArrowDown" ? 1 : -1)) event.preventDefault();
      return;
    }
    if (event.key === "Enter" && event.target.matches("a, button, summary, input")) return;
    if (held) return;
    const wanted = event.key.toUpperCase();
    const found = [...document.querySelectorAll("[data-hot]")].filter((one) => one.dataset.hot === wanted && seen(one));
    const one = found.find((each) => each.closest("[aria-current]")) || found[0];
    if (!one) return;
    event.preventDefault();
    if (one.matches(TYPING)) one.focus();
    else one.click();
  });
}

function seen(one) {
  const row = one.closest("[data-row]");
  const chosen = !row || row.hasAttribute("aria-current");
  return chosen && !one.disabled && one.getClientRects().length > 0;
}
