// Keep the widget in the page's body, also when client-side navigation replaces or empties the body.

const MOVES = 30; // per minute; a page that keeps removing the widget wins

// Returns a function that removes it for good.
function keepOnPage(host, returned) {
  const moves = [];
  const observer = new MutationObserver(() => setTimeout(look));

  function look() {
    if (!document.body || host.isConnected) return watch();
    const now = Date.now();
    while (moves.length && moves[0] < now - 60000) moves.shift();
    if (moves.push(now) > MOVES) return observer.disconnect();
    put();
    returned();
  }

  function put() {
    // In a restored snapshot of the page, the widget is an empty element.
    for (const old of document.querySelectorAll("[data-answerback]")) if (old !== host) old.remove();
    document.body.append(host);
    watch();
  }

  function watch() {
    observer.disconnect();
    for (const place of [document, document.documentElement, document.body]) if (place) observer.observe(place, { childList: true });
  }

  put();
  return () => {
    observer.disconnect();
    host.remove();
  };
}
