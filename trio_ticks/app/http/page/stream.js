/**
 * The link to the engine: Server-Sent Events, taken up again until somebody closes the page.
 *
 * The browser's own reconnect gives up for good on the first answer that is not 200, which is what a restarting server
 * gives, and never notices a link that is open and silent. So the page reconnects by itself, and counts on the state
 * that comes every second.
 */

const RETRY_MS = 1_000;

/** Ten missed states: the machine slept, or the process hangs. Shorter would take a busy second for a loss. */
const SILENT_MS = 10_000;

/**
 * Open the link.
 *
 * @param {Object<string, (data: Object) => void>} handlers What to do with each kind of event.
 * @param {(isUp: boolean) => void} onLink Told when the first event of a connection comes, and when it is lost.
 * @returns {{choose: (symbol: string) => void}} `choose` asks for a symbol's ticks, "FEED/SYMBOL", from now on.
 */
export function openStream(handlers, onLink) {
  let source = null;
  let timer = 0;
  let symbol = "";
  let isUp = false;

  function connect() {
    source?.close();
    const opened = new EventSource(symbol ? `/stream?symbol=${encodeURIComponent(symbol)}` : "/stream");
    source = opened;
    for (const [kind, handle] of Object.entries(handlers)) {
      opened.addEventListener(kind, (message) => {
        if (source !== opened) return;
        heard();
        handle(JSON.parse(message.data));
      });
    }
    opened.onerror = () => source === opened && lose();
    expect();
  }

  function heard() {
    expect();
    if (isUp) return;
    isUp = true;
    onLink(true);
  }

  function expect() {
    clearTimeout(timer);
    timer = setTimeout(lose, SILENT_MS);
  }

  function lose() {
    source.close();
    isUp = false;
    onLink(false);
    clearTimeout(timer);
    timer = setTimeout(connect, RETRY_MS);
  }

  connect();
  return {
    choose(wanted) {
      if (wanted === symbol) return;
      symbol = wanted;
      clearTimeout(timer);
      connect();
    },
  };
}
