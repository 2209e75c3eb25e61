// Light or dark, as the machine says or as somebody chose here. Loaded first: no page flashes.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("siaga-theme") || (dark.matches ? "dark" : "light");
  const show = () => root.setAttribute("data-theme", chosen());
  show();
  dark.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-switch]");
    button.hidden = false;
    button.addEventListener("click", () => {
      localStorage.setItem("siaga-theme", chosen() === "dark" ? "light" : "dark");
      show();
    });
  });
})();
