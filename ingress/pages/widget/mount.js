// @ts-check
// Keep the widget in the page's body, also when client-side navigation replaces or empties the body.

const MAX_MOVES = 30; // per minute; a page that keeps removing the widget wins

/**
 * Return a function that removes the widget for good.
 *
 * @param {HTMLElement} host
 * @param {() => void} onReturn Called when the widget was put back.
 */
export function keepMounted(host, onReturn) {
  /** @type {number[]} */
  const moves = [];
  const observer = new MutationObserver(() => setTimeout(check));

  function check() {
    if (!document.body || host.isConnected) return watch();
    const now = Date.now();
    while (moves.length && moves[0] < now - 60000) moves.shift();
    if (moves.push(now) > MAX_MOVES) return observer.disconnect();
    mount();
    onReturn();
  }

  function mount() {
    // In a restored snapshot of the page, the widget is an empty element.
    for (const old of document.querySelectorAll("[data-answerback]")) if (old !== host) old.remove();
    document.body.append(host);
    watch();
  }

  function watch() {
    observer.disconnect();
    for (const node of [document, document.documentElement, document.body]) if (node) observer.observe(node, { childList: true });
  }

  mount();
  return () => {
    observer.disconnect();
    host.remove();
  };
}
