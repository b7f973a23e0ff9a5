/** Shows the colors of the page /design. */

for (const swatch of document.querySelectorAll("[data-token]")) {
  /** @type {HTMLElement} */ (swatch).style.background = `var(${swatch.getAttribute("data-token")})`;
}
