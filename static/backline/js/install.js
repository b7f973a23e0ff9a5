/** Installs the service worker, which opens pages without a connection, and offers to install the app. */

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("/service-worker.js").catch(() => {
    // The browser blocks it. Pages then need a connection to open.
  });
}

/** @typedef {Event & { prompt: () => Promise<unknown> }} InstallEvent */

const button = document.querySelector("[data-install]");

// Only browsers that can install the page, and have not yet, send this.
addEventListener("beforeinstallprompt", (event) => {
  if (!(button instanceof HTMLElement)) return;
  event.preventDefault();
  button.hidden = false;
  button.onclick = async () => {
    button.hidden = true;
    await /** @type {InstallEvent} */ (event).prompt();
  };
});
