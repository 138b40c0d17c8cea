// The page of one bot: what the server sends finds its place here.
import { Chart } from './chart.js';
import { Curve, drawdown } from './curve.js';
import { Rows, putDecision, putFill, putOrder } from './rows.js';
import { MarketClock } from './clock.js';
import { arrows, clock, countdown, day, exact, length, number, signed, tone } from './format.js';
import { setUpTabs } from './tabs.js';
import { follow } from './stream.js';
import { toast } from './app.js';

const root = document.getElementById('bot');
// What a refused form answers with is this page, too, under an address of its own.
const path = `/bots/${encodeURIComponent(root.dataset.id)}`;
const scale = { price: Number(root.dataset.priceDecimals), volume: Number(root.dataset.volumeDecimals), money: Number(root.dataset.moneyDecimals) };
// The bot's pairs with their decimals, its own first.
const markets = new Map(JSON.parse(root.dataset.markets).map((m) => [m.pair, m]));
const ownMarket = markets.values().next().value;
const several = markets.size > 1;
const marketOf = (pair) => ({ ...(markets.get(pair) ?? ownMarket), named: several });
const pairOf = (d) => d.pair ?? ownMarket.pair;
let shown = ownMarket.pair; // on the chart
const balance = Number(root.dataset.balance);

// Values that are shown in one or more places.
function show(name, text, toneOf) {
  for (const cell of document.querySelectorAll(`[data-v="${name}"]`)) {
    const toned = cell.closest('[data-tone]');
    if (toneOf !== undefined && toned) toned.dataset.tone = toneOf;
    if (cell.textContent === text) continue;
    cell.textContent = text;
    cell.classList.remove('flash');
    void cell.offsetWidth; // begins the animation anew
    cell.classList.add('flash');
  }
}

const chart = new Chart(root);
const decisions = new Rows(path, 'decision');
const orders = new Rows(path, 'order');
const fills = new Rows(path, 'fill');
const live = root.dataset.trades === 'live';
const equity = new Curve(document.getElementById('equity'), { decimals: scale.money, axisDecimals: 0, tone: 'accent', unit: ` ${root.dataset.counter}`, sync: 'equity' });
const falls = new Curve(document.getElementById('drawdown'), { decimals: 2, axisDecimals: 1, axisUnit: ' %', tone: 'loss', unit: ' %', sync: 'equity', top: 0 });
let peak = 0;
let midnight = null;

function setPosition(position) {
  root.dataset.holding = String(Number(position) !== 0);
}
chart.exits(root.dataset);

// showPrice shows a pair's newest price.
function showPrice(pair, price) {
  show(several ? `price-${pair}` : 'price', number(price, marketOf(pair).price));
}

let interval = root.dataset.candle;
async function loadChart() {
  try {
    if (!await chart.load(interval, several ? shown : '')) return;
    const last = chart.bars.at(-1);
    if (last) showPrice(shown, last.close);
  } catch {
    const wait = document.getElementById('chart-wait');
    if (wait) wait.textContent = 'The candles could not be loaded. Trying again when the connection is back.';
  }
}

async function loadEquity() {
  const answer = await fetch(`${path}/equity`, { headers: { Accept: 'application/json' } });
  if (!answer.ok) return;
  const data = await answer.json();
  const times = data.times ?? [];
  const values = data.values ?? [];
  equity.set(times, values);
  falls.set([...times], drawdown(values));
  peak = Math.max(0, ...values);
  const start = Math.floor(Number(root.dataset.marketTime) / 864e5) * 86400;
  const first = times.findIndex((t) => t >= start);
  midnight = first >= 0 ? { day: start, value: values[first] } : null;
  haveCurve(times.length > 1);
  if (times.length) showToday(times.at(-1), values.at(-1));
}

// haveCurve shows the curves, or says when they begin.
function haveCurve(yes) {
  document.getElementById('curves').hidden = !yes;
  document.getElementById('equity-empty').hidden = yes;
}

function showToday(seconds, value) {
  const start = Math.floor(seconds / 86400) * 86400;
  if (midnight?.day !== start) midnight = { day: start, value };
  const change = value - midnight.value;
  show('today', signed(change, scale.money), tone(change.toFixed(scale.money)));
}

const market = new MarketClock(Number(root.dataset.marketTime));
const candle = Number(root.dataset.seconds) * 1000; // that the bot decides on
function setMarketTime(ms) {
  market.set(ms);
  document.getElementById('market-time').textContent = `${day(ms)} ${clock(ms)}`;
}

// tellNext says when the bot decides next.
function tellNext() {
  const close = market.close(candle);
  document.getElementById('next-candle').textContent = `next candle in ${countdown(close - market.now())}`;
  const waiting = document.getElementById('waiting');
  const text = `Waiting for the ${root.dataset.noun} to close at ${clock(close).slice(0, 5)}.`;
  if (waiting.textContent !== text) waiting.textContent = text;
  tellStart(text.charAt(0).toLowerCase() + text.slice(1));
}

// tellStart keeps a row on top of the log of a bot that has begun and decided
// nothing yet.
let own = '';
function tellStart(text) {
  const newest = decisions.body.querySelector('tr[data-key]');
  const mine = newest?.dataset.key === 'now' && newest.querySelector('[data-f="text"]').textContent === own;
  if (root.dataset.active !== 'true') { if (mine) newest.remove(); return; }
  if (mine ? own === text : !newest?.classList.contains('k-started')) return;
  putDecision(decisions, { number: 0, time: market.now(), kind: 'none', text });
  own = text;
}

function setStatus(status, reason, guarded) {
  const badge = document.getElementById('status');
  const before = root.dataset.status;
  root.dataset.status = status;
  badge.className = `status s-${status}`;
  badge.querySelector('[data-v]').textContent = status;
  const active = status !== 'stopped' && status !== 'error';
  root.dataset.active = String(active);
  root.dataset.guarded = String(Boolean(guarded));
  const quiet = active && status !== 'degraded' && status !== 'paused';
  document.getElementById('reason').textContent = quiet ? '' : reason;
  if (active && before !== status && !uptime.dataset.since) uptime.dataset.since = new Date().toISOString();
  if (!active) { delete uptime.dataset.since; uptime.textContent = ''; }
}

const uptime = document.getElementById('uptime');
function tellUptime() {
  if (uptime.dataset.since) uptime.textContent = length(Date.now() - Date.parse(uptime.dataset.since));
}
setInterval(tellUptime, 1000);
setInterval(tellNext, 250);
tellNext();
tellUptime();

// setBreaker shows what keeps the bot from buying.
function setBreaker(s) {
  const b = s.breaker;
  document.getElementById('breaker').hidden = !b;
  if (b) {
    const reason = b.reason.charAt(0).toUpperCase() + b.reason.slice(1);
    document.getElementById('breaker-text').textContent =
      `${reason}. Nothing is bought until ${b.until ? exact(Date.parse(b.until)) : 'it is resumed'}. Since ${exact(Date.parse(b.since))}.`;
  }
  const resume = document.getElementById('breaker-resume');
  if (resume) resume.hidden = !b || Boolean(b.until);
  const cooling = !b && s.cool_until;
  document.getElementById('cool-down').hidden = !cooling;
  if (cooling) document.getElementById('cool-until').textContent = exact(Date.parse(s.cool_until));
}

function setSummary(s) {
  const percent = balance ? (Number(s.profit) / balance) * 100 : 0;
  const profitTone = tone(s.profit);
  show('profit', signed(s.profit, scale.money), profitTone);
  show('profit-percent', signed(percent, 2));
  document.querySelector('#profit .tone-arrow').textContent = arrows[profitTone];
  show('equity', number(s.equity, scale.money));
  show('drawdown', number(-100 * Number(s.max_drawdown) || 0, 2));
  show('position', number(s.position, scale.volume));
  show('entry', Number(s.entry) ? number(s.entry, scale.price) : '–');
  show('stop', Number(s.stop) ? number(s.stop, scale.price) : '–');
  show('target', Number(s.target) ? number(s.target, scale.price) : '–');
  show('unrealised', signed(s.unrealised, scale.money), tone(s.unrealised));
  show('realised', signed(s.realised, scale.money), tone(s.realised));
  show('free', number(s.free_cash, scale.money));
  show('fees', number(s.fees, scale.money));
  show('open-orders', number(s.open_orders, 0));
  show('trades', number(s.trades, 0));
  show('fills', number(s.fills, 0));
  setHoldings(s);
  setBreaker(s);
  chart.exits(positionOf(s));
  newest = s;
  const ms = Number(s.time);
  if (ms) {
    const seconds = Math.floor(ms / 1000);
    const value = Number(s.equity);
    peak = Math.max(peak, value);
    equity.add(seconds, value);
    falls.add(seconds, peak > 0 ? ((value - peak) / peak) * 100 : 0);
    haveCurve(equity.times.length > 1);
    showToday(seconds, value);
  }
}

let newest = null; // the newest summary

// positionOf is what a summary says of the pair on the chart.
function positionOf(s) { return s.positions?.find((p) => p.pair === shown) ?? s; }

// setHoldings shows what is held in each pair.
function setHoldings(s) {
  if (!several) { setPosition(s.position); show('holdings', `${number(s.position, scale.volume)} ${root.dataset.base}`); return; }
  show('cash', number(s.cash, scale.money));
  const held = [];
  for (const p of s.positions ?? []) {
    const m = marketOf(p.pair);
    const holds = Number(p.position) !== 0;
    const level = (name) => (holds && Number(p[name]) ? `, ${name} ${number(p[name], m.price)}` : '');
    show(`held-${p.pair}`, number(p.position, m.volume));
    show(`worth-${p.pair}`, number(p.worth, scale.money));
    show(`unrealised-${p.pair}`, holds ? signed(p.unrealised, scale.money) : '', tone(p.unrealised));
    show(`levels-${p.pair}`, level('entry') + level('stop') + level('target'));
    if (holds) held.push(`${number(p.position, m.volume)} ${m.base}`);
  }
  setPosition(held.length);
  show('holdings', held.join(' and '));
}

follow(`${path}/stream`, {
  hello(d) { setMarketTime(d.market_time); setStatus(d.status, d.reason, d.guarded); },
  tick(d) { if (pairOf(d) === shown) chart.price(d.time, Number(d.price)); showPrice(pairOf(d), d.price); setMarketTime(d.time); },
  candle(d) { if (pairOf(d) === shown) chart.candle(d); },
  plot(d) { chart.plot(d.time, d.values, marketOf(pairOf(d))); },
  fill(d) { if (pairOf(d) === shown) chart.fill(d); putFill(fills, d, marketOf(pairOf(d))); renewMeasures(); lookAtExchange(); },
  order(d) { if (pairOf(d) === shown) chart.order(d); if (live) lookAtExchange(); else putOrder(orders, d, marketOf(pairOf(d))); },
  decision(d) { putDecision(decisions, d); if (d.kind !== 'none') lookAtSignals(); if (d.kind !== 'none' || !document.getElementById('hide-waits').checked) document.getElementById('latest').textContent = d.text; },
  summary(d) { setSummary(d); },
  dropped() { catchUp(); },
  status(d) { setStatus(d.status, d.reason, d.guarded); lookAtExchange(); },
}, catchUp);

// What happens at the exchange is read from its journal: soon after something was told,
// and every few seconds while the page is looked at.
let looking = 0;
function lookAtExchange() {
  if (!live || looking) return;
  looking = setTimeout(() => {
    looking = 0;
    if (document.hidden) return;
    orders.renew().catch(() => {});
    const panel = document.getElementById('reconciliation');
    if (panel && !panel.contains(document.activeElement)) globalThis.htmx.trigger(panel, 'renew');
  }, 400);
}
if (live) setInterval(lookAtExchange, 5000);

// history shows what became of an order below its row, or hides it.
async function history(button) {
  const row = button.closest('tr');
  if (row.nextElementSibling?.classList.contains('history')) {
    row.nextElementSibling.remove();
    button.setAttribute('aria-expanded', 'false');
    return;
  }
  button.setAttribute('aria-expanded', 'true');
  const answer = await fetch(`${path}/orders/${button.dataset.history}`, { headers: { 'HX-Request': 'true' } });
  if (!answer.ok) { button.setAttribute('aria-expanded', 'false'); toast('The history could not be read. Try again.'); return; }
  const holder = document.createElement('template');
  holder.innerHTML = `<table><tbody>${await answer.text()}</tbody></table>`; // rendered and escaped by the server
  if (row.nextElementSibling?.classList.contains('history')) row.nextElementSibling.remove();
  row.after(holder.content.querySelector('tr'));
}
document.getElementById('orders').addEventListener('click', (event) => {
  const button = event.target.closest('[data-history]');
  if (button) history(button);
});
orders.replaced = (row) => { // an open history is read anew
  if (!row.nextElementSibling?.classList.contains('history')) return;
  row.nextElementSibling.remove();
  history(row.querySelector('[data-history]'));
};

// renewMeasures measures anew while somebody looks.
function renewMeasures() {
  const measures = document.getElementById('measures');
  if (measures.checkVisibility()) globalThis.htmx.trigger(measures, 'renew');
}

// catchUp reads from the journal whatever happened while nobody listened.
function catchUp() {
  loadChart();
  loadEquity().catch(() => {});
  for (const rows of [decisions, orders, fills]) rows.renew().catch(() => {});
}

// Nobody tells a page what comes in at the webhook: while the list is in sight
// it is read again and again.
const signals = document.getElementById('signals') ? new Rows(path, 'signal') : null;
function lookAtSignals() {
  if (signals && !document.hidden && !document.getElementById('panel-signals').hidden) signals.renew().catch(() => {});
}
if (signals) {
  setInterval(lookAtSignals, 3000);
  document.getElementById('tab-signals').addEventListener('click', () => signals.renew().catch(() => {}));
}

for (const button of document.querySelectorAll('[data-interval]')) {
  button.addEventListener('click', () => {
    interval = button.dataset.interval;
    for (const other of document.querySelectorAll('[data-interval]')) other.setAttribute('aria-pressed', String(other === button));
    loadChart();
  });
}

for (const button of document.querySelectorAll('[data-pair]')) {
  button.addEventListener('click', () => {
    shown = button.dataset.pair;
    for (const other of document.querySelectorAll('[data-pair]')) other.setAttribute('aria-pressed', String(other === button));
    chart.turn(marketOf(shown));
    const held = newest ?? JSON.parse(root.dataset.summary);
    chart.exits(positionOf(held));
    loadChart();
  });
}

document.getElementById('tabs').addEventListener('click', (event) => {
  const row = event.target.closest('tr[data-key]');
  const go = event.target.closest('.goto') ?? (row?.closest('.log') ? row.querySelector('.goto') : null);
  if (!go || event.target.closest('a')) return;
  // At once: what slides under the pointer for half a second takes the next click away.
  if (chart.goTo(Number(go.dataset.goto))) chart.box.scrollIntoView({ block: 'center' });
  else toast('That is before the first candle of this chart. A longer interval reaches back further.');
});

const log = document.getElementById('panel-decisions');
const hideWaits = document.getElementById('hide-waits');
hideWaits.addEventListener('change', () => log.classList.toggle('hide-waits', hideWaits.checked));

// Stopping in a position is asked about once.
const stop = document.getElementById('stop-form');
stop?.addEventListener('submit', (event) => {
  if (root.dataset.holding !== 'true' || stop.dataset.sure) return;
  event.preventDefault();
  event.stopPropagation();
  document.getElementById('stop-dialog').showModal();
}, true);
document.getElementById('stop-anyway')?.addEventListener('click', () => {
  stop.dataset.sure = 'yes';
  document.getElementById('stop-dialog').close();
  stop.requestSubmit();
});

setUpTabs(document.getElementById('tabs'));
