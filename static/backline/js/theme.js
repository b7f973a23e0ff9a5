// The theme that was chosen in this browser, or the system's. A classic script in the head, so that
// the page is never painted in the wrong theme first.
(() => {
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
      return root.dataset.theme ?? null;
    }
  };

  /** @param {string} theme */
  const choose = (theme) => {
    root.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // See above.
    }
  };

  const current = () => root.dataset.theme ?? (systemDark.matches ? "dark" : "light");
  const next = () => (current() === "dark" ? "light" : "dark");

  const stored = chosen();
  if (stored === "light" || stored === "dark") root.dataset.theme = stored;

  document.addEventListener("DOMContentLoaded", () => {
    for (const toggle of document.querySelectorAll("[data-theme-toggle]")) {
      const show = () => {
        toggle.setAttribute("data-next", next());
        toggle.setAttribute("aria-label", toggle.getAttribute(`data-to-${next()}`) ?? "");
      };
      toggle.addEventListener("click", () => {
        choose(next());
        show();
      });
      systemDark.addEventListener("change", show);
      show();
    }
  });
})();
