// The lists below a bot's chart: rows are clones of the server's own templates
// and are filled as text, never as markup.
import { clock, day, exact, number, signed, tone } from './format.js';

const most = 400;

export class Rows {
  constructor(path, name) {
    this.body = document.getElementById(`${name}s`);
    this.template = document.getElementById(`${name}-template`);
    this.url = `${path}/${name}s`;
    this.empty();
  }

  find(key) {
    for (const row of this.body.children) if (row.dataset.key === String(key)) return row;
    return null;
  }

  // place puts a row where it belongs: the highest number is on top.
  place(row) {
    const order = Number(row.dataset.order);
    for (const other of this.body.children) {
      if (!(Number(other.dataset.order) > order)) { this.body.insertBefore(row, other); return; }
    }
    this.body.append(row);
  }

  // put shows a row, or changes the one of the same key.
  put(key, order, ms, texts, dress) {
    let row = this.find(key);
    if (!row) {
      row = this.template.content.firstElementChild.cloneNode(true);
      row.dataset.key = key;
      row.dataset.order = order;
      this.place(row);
      const go = row.querySelector('.goto');
      go.dataset.goto = ms;
      go.title = exact(ms);
      texts.day = day(ms);
      texts.clock = clock(ms);
    }
    for (const [name, text] of Object.entries(texts)) {
      const cell = row.querySelector(`[data-f="${name}"]`);
      if (cell && text !== undefined) cell.textContent = text;
    }
    dress?.(row);
    this.empty();
    const last = this.body.lastElementChild;
    if (this.body.children.length > most && !last.classList.contains('more')) last.remove();
  }

  // renew adds the newest rows of the journal that are not here yet, after a
  // connection was made.
  async renew() {
    const answer = await fetch(this.url, { headers: { 'HX-Request': 'true' } });
    if (!answer.ok) return;
    const holder = document.createElement('template');
    holder.innerHTML = `<table><tbody>${await answer.text()}</tbody></table>`; // rendered and escaped by the server
    for (const row of holder.content.querySelectorAll('tr[data-key]')) {
      const known = this.find(row.dataset.key);
      if (!known) { this.place(row); continue; }
      const same = row.dataset.version ? known.dataset.version === row.dataset.version : known.isEqualNode(row);
      const held = [...known.querySelectorAll('button')].indexOf(document.activeElement);
      if (same || (held >= 0 && !row.dataset.version)) continue;
      known.replaceWith(row);
      if (held >= 0) row.querySelectorAll('button')[held]?.focus();
      this.replaced?.(row);
    }
    this.empty();
  }

  // empty says so where there are no rows.
  empty() {
    const none = this.body.querySelector('.no-rows');
    const rows = this.body.querySelectorAll('tr[data-key]').length;
    if (rows && none) none.remove();
    if (rows || none) return;
    const row = this.body.insertRow();
    row.className = 'no-rows';
    const cell = row.insertCell();
    cell.colSpan = 8;
    cell.textContent = this.body.dataset.empty;
  }
}

export function sideText(side) { return side === 'buy' ? '▲ Buy' : '▼ Sell'; }

const kinds = { buy: '▲ Buy', sell: '▼ Sell', none: 'Wait' };

// A reason for doing nothing that is not in the journal has no number: it is a
// row on top that the next decision takes away.
export function putDecision(rows, d) {
  rows.find('now')?.remove();
  const [key, order] = d.number ? [d.number, d.number] : ['now', Infinity];
  const label = kinds[d.kind] ?? d.kind.charAt(0).toUpperCase() + d.kind.slice(1);
  rows.put(key, order, d.time, { label, text: d.text }, (row) => { row.className = `k-${/^[a-z]+$/.test(d.kind) ? d.kind : 'other'}`; });
}

// volumeText names the currency where rows are of several markets.
function volumeText(volume, scale) { return number(volume, scale.volume) + (scale.named ? ` ${scale.base}` : ''); }

export function putOrder(rows, o, scale) {
  const price = Number(o.price) > 0 ? number(o.price, scale.price) : 'market';
  const volume = Number(o.volume) > 0 ? volumeText(o.volume, scale) : '–';
  rows.put(o.client_id, o.number, o.time, { pair: o.pair, side: sideText(o.side), type: o.type, price, volume, state: o.state.replaceAll('_', ' '), reason: o.reason }, (row) => {
    row.querySelector('[data-f="side"]').className = `side-${o.side === 'buy' ? 'buy' : 'sell'}`;
    row.querySelector('[data-f="state"]').className = `badge o-${/^[a-z_]+$/.test(o.state) ? o.state : 'other'}`;
  });
}

export function putFill(rows, f, scale) {
  const profit = Number(f.profit ?? 0);
  rows.put(f.sequence, f.sequence, f.time, {
    pair: f.pair, side: sideText(f.side), volume: volumeText(f.volume, scale), price: number(f.price, scale.price), value: number(f.value, scale.money),
    fee: f.fee === undefined ? undefined : number(f.fee, scale.money), profit: profit ? signed(f.profit, scale.money) : '–',
  }, (row) => {
    row.querySelector('[data-f="side"]').className = `side-${f.side === 'buy' ? 'buy' : 'sell'}`;
    row.querySelector('[data-f="profit"]').dataset.tone = tone(profit);
  });
}
