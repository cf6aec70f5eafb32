// Where the widget stands on a page: in the body, also when the page's navigation puts another body there, or empties it.

const MOVES = 30; // a minute: a page that takes it away again and again shall have its way

// Returns a function that takes it away for good.
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
    // What a snapshot of the page has of it is an empty element.
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
