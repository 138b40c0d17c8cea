// The stream of a bot's events. While it is broken the page says how old its
// data is.
import { length } from './format.js';

const patience = 3000;

export function follow(url, handlers, opened) {
  const banner = document.getElementById('stale');
  const age = document.getElementById('stale-age');
  let source;
  let heard = Date.now();
  let broken = false;
  let retry = 1000;

  const connect = () => {
    source = new EventSource(url);
    source.onopen = () => {
      broken = false;
      retry = 1000;
      heard = Date.now();
      banner.hidden = true;
      opened();
    };
    source.onerror = () => {
      broken = true;
      // The browser tries again by itself, unless the server has refused.
      if (source.readyState === EventSource.CLOSED) {
        setTimeout(connect, retry);
        retry = Math.min(retry * 2, 30000);
      }
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        heard = Date.now();
        handle(JSON.parse(event.data));
      });
    }
  };

  setInterval(() => {
    const silence = Date.now() - heard;
    banner.hidden = !(broken && silence > patience) && silence < 45000;
    if (!banner.hidden) age.textContent = length(silence);
  }, 1000);
  addEventListener('pagehide', () => source.close());
  addEventListener('pageshow', (event) => { if (event.persisted) connect(); });
  connect();
}
