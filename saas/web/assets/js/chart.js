// The candle chart of a bot: candles, fills as arrows, open orders and exits as
// lines, and what the strategy draws.
import { colour } from './theme.js';
import { number } from './format.js';

const LC = () => globalThis.LightweightCharts;
const mostCandles = 3000;
const mostLabels = 6; // of orders, on the scale of prices

export class Chart {
  constructor(root) {
    this.box = document.getElementById('chart');
    this.legend = document.getElementById('legend');
    this.toNow = document.getElementById('to-now');
    this.id = root.dataset.id;
    this.decimals = Number(root.dataset.priceDecimals);
    this.tick = Number(root.dataset.tick);
    this.interval = 60;
    this.bars = [];
    this.fills = new Map();
    this.orders = new Map();
    this.plots = new Map(); // what the strategy draws, by pair and line
    this.pair = JSON.parse(root.dataset.markets)[0].pair;
    this.levels = {};
    this.lines = [];
    this.loads = 0;
    this.loaded = false; // what comes before the candles are there is in them
    this.allLines = false;
    this.linesButton = document.getElementById('all-lines');
    this.chart = LC().createChart(this.box, { autoSize: true, ...this.style() });
    this.candles = this.chart.addSeries(LC().CandlestickSeries, { ...this.candleStyle(), priceFormat: this.priceFormat(), autoscaleInfoProvider: (own) => this.widened(own()) });
    this.markers = LC().createSeriesMarkers(this.candles, []);
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      this.toNow.hidden = !range || range.to > this.bars.length - 3;
    });
    this.reading = document.getElementById('reading');
    this.pointed = undefined; // the candle under the crosshair
    this.chart.subscribeCrosshairMove((at) => {
      this.pointed = at.seriesData?.get(this.candles);
      this.read();
    });
    this.toNow.addEventListener('click', () => this.chart.timeScale().scrollToRealTime());
    this.linesButton.addEventListener('click', () => {
      this.allLines = !this.allLines;
      this.linesButton.ariaPressed = String(this.allLines);
      this.chart.priceScale('right').applyOptions({ autoScale: true });
    });
    document.addEventListener('look', () => this.restyle());
  }

  priceFormat() { return { type: 'price', precision: this.decimals, minMove: this.tick }; }

  style() {
    return {
      layout: { background: { color: 'transparent' }, textColor: colour('text-2'), fontSize: 11.5, fontFamily: 'system-ui, sans-serif', attributionLogo: false },
      grid: { vertLines: { color: colour('surface-2') }, horzLines: { color: colour('surface-2') } },
      rightPriceScale: { borderColor: colour('surface-3') },
      timeScale: { borderColor: colour('surface-3'), timeVisible: true, secondsVisible: false, rightOffset: 6 },
      crosshair: { mode: LC().CrosshairMode.Normal },
      localization: { priceFormatter: (p) => number(p, this.decimals) },
      kineticScroll: { mouse: false, touch: true },
    };
  }

  candleStyle() {
    const up = colour('gain');
    const down = colour('loss');
    return { upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down };
  }

  restyle() {
    this.chart.applyOptions(this.style());
    this.candles.applyOptions(this.candleStyle());
    for (const plot of this.plots.values()) plot.series.applyOptions({ color: colour(plot.colour) });
    this.drawMarkers();
    this.drawLines();
  }

  // turn shows another market, with what the strategy draws on it.
  turn(market) {
    this.pair = market.pair;
    this.decimals = market.price;
    this.tick = Number(market.tick);
    this.loads++; // what is under way is of the market before
    this.loaded = false;
    this.bars = [];
    this.fills.clear();
    this.orders.clear();
    this.levels = {};
    this.candles.setData([]);
    this.candles.applyOptions({ priceFormat: this.priceFormat() });
    for (const plot of this.plots.values()) this.showPlot(plot);
    this.count();
    this.drawMarkers();
    this.drawLines();
  }

  // load fetches candles, fills, open orders and what the strategy drew before;
  // what it drew since stays.
  async load(name, pair) {
    const mine = ++this.loads;
    const answer = await fetch(`/bots/${encodeURIComponent(this.id)}/chart?interval=${name}${pair ? `&pair=${encodeURIComponent(pair)}` : ''}`, { headers: { Accept: 'application/json' } });
    if (!answer.ok) throw new Error(`chart: ${answer.status}`);
    const data = await answer.json();
    if (mine !== this.loads) return null; // another one was asked for meanwhile
    const changed = this.interval !== data.interval || this.bars.length === 0;
    this.interval = data.interval;
    this.loaded = true;
    this.bars = (data.candles ?? []).map(([time, open, high, low, close]) => ({ time, open, high, low, close }));
    this.candles.setData(this.bars);
    for (const fill of data.fills ?? []) this.fills.set(fill.sequence, fill);
    this.orders = new Map((data.orders ?? []).map((o) => [o.client_id, o]));
    for (const [name, points] of Object.entries(data.plots ?? {})) this.drew(name, points);
    for (const plot of this.shownPlots()) this.redraw(plot);
    this.drawMarkers();
    this.drawLines();
    if (changed) this.showNewest();
    this.read();
    document.getElementById('chart-wait')?.remove();
    this.box.dataset.candles = this.bars.length;
    return data;
  }

  // showNewest shows as many candles as can be told apart.
  showNewest() {
    const count = Math.max(30, Math.floor(this.box.clientWidth / 8));
    this.chart.timeScale().setVisibleLogicalRange({ from: this.bars.length - count, to: this.bars.length + 4 });
  }

  bucket(ms) { return Math.floor(ms / 1000 / this.interval) * this.interval; }

  // price moves the candle that is forming.
  price(ms, price) { this.extend(this.bucket(ms), { open: price, high: price, low: price, close: price }, false); }

  // candle takes a closed candle of one minute.
  candle(c) {
    this.extend(this.bucket(c.time), { open: Number(c.open), high: Number(c.high), low: Number(c.low), close: Number(c.close) }, this.interval === 60);
  }

  extend(time, bar, exact) {
    if (!this.loaded) return;
    const last = this.bars.at(-1);
    if (last && time < last.time) {
      const i = this.bars.findIndex((b) => b.time === time);
      // A closed candle that comes after the first tick of the next one.
      if (exact && i >= 0) { this.bars[i] = { time, ...bar }; this.candles.update(this.bars[i], true); }
      return;
    }
    let now = { time, ...bar };
    if (last?.time === time && !exact) {
      now = { time, open: last.open, high: Math.max(last.high, bar.high), low: Math.min(last.low, bar.low), close: bar.close };
    }
    if (last?.time === time) this.bars[this.bars.length - 1] = now;
    else this.bars.push(now);
    if (this.bars.length > mostCandles) { this.bars.splice(0, 1000); this.candles.setData(this.bars); }
    else this.candles.update(now);
    this.read();
    this.box.dataset.candles = this.bars.length;
  }

  fill(fill) {
    this.fills.set(fill.sequence, fill);
    this.drawMarkers();
  }

  drawMarkers() {
    // An order may fill in many parts: one arrow a candle and side tells it.
    const told = new Map([...this.fills.values()].map((f) => [`${this.bucket(f.time)} ${f.side}`, f]));
    const list = [...told.values()].map((f) => ({
      time: this.bucket(f.time),
      position: f.side === 'buy' ? 'belowBar' : 'aboveBar',
      shape: f.side === 'buy' ? 'arrowUp' : 'arrowDown',
      color: colour(f.side === 'buy' ? 'gain' : 'loss'),
      size: 1.3,
      id: String(f.sequence),
    })).sort((a, b) => a.time - b.time);
    this.markers.setMarkers(list);
    this.box.dataset.fills = this.fills.size;
    this.box.dataset.arrows = list.length;
  }

  order(o) {
    const open = ['open', 'partially_filled', 'submitted', 'unknown'].includes(o.state) && Number(o.price) > 0;
    if (open) this.orders.set(o.client_id, o);
    else this.orders.delete(o.client_id);
    this.drawLines();
  }

  // exits are the position's stop, target and entry; zero is none.
  exits(summary) {
    const next = {};
    if (Number(summary.position) !== 0) {
      for (const name of ['entry', 'stop', 'target']) if (Number(summary[name]) > 0) next[name] = Number(summary[name]);
    }
    if (JSON.stringify(next) === JSON.stringify(this.levels)) return;
    this.levels = next;
    this.drawLines();
  }

  drawLines() {
    for (const line of this.lines) this.candles.removePriceLine(line);
    this.lines = [];
    const draw = (price, title, tint, lineStyle, axisLabelVisible = true) => this.lines.push(this.candles.createPriceLine({ price, title, color: colour(tint), lineStyle, lineWidth: 1, axisLabelVisible }));
    const { Solid, Dashed, Dotted } = LC().LineStyle;
    const orders = [...this.orders.values()].map((o) => ({ price: Number(o.price), side: o.side }));
    // A ladder of orders has its first rung on either side labelled: more would hide the scale.
    const bid = Math.max(...orders.filter((o) => o.side === 'buy').map((o) => o.price));
    const ask = Math.min(...orders.filter((o) => o.side !== 'buy').map((o) => o.price));
    for (const o of orders) draw(o.price, o.side, o.side === 'buy' ? 'gain' : 'loss', Solid, orders.length <= mostLabels || o.price === bid || o.price === ask);
    if (this.levels.entry) draw(this.levels.entry, 'entry', 'text-3', Dotted);
    if (this.levels.stop) draw(this.levels.stop, 'stop', 'loss', Dashed);
    if (this.levels.target) draw(this.levels.target, 'target', 'gain', Dashed);
    this.linesButton.hidden = this.lines.length === 0;
    this.rescale();
  }

  // rescale makes the chart ask anew how far its prices reach, unless somebody has
  // chosen that by hand.
  rescale() {
    const scale = this.chart.priceScale('right');
    if (scale.options().autoScale) scale.applyOptions({ autoScale: true });
  }

  // widened makes room for the lines of orders and exits: for those that are near, or
  // for all of them if somebody wants to see them.
  widened(own) {
    if (!own?.priceRange) return own;
    const { minValue: low, maxValue: high } = own.priceRange;
    const room = this.allLines ? Infinity : high - low;
    const prices = this.lines.map((line) => line.options().price).filter((p) => p >= low - room && p <= high + room);
    const maxValue = Math.max(high, ...prices);
    this.box.dataset.top = maxValue;
    return { ...own, priceRange: { minValue: Math.min(low, ...prices), maxValue } };
  }

  // plot draws the strategy's values at a time on the chart of a market, one line a name.
  plot(ms, values, market) {
    for (const [name, text] of Object.entries(values)) {
      const value = Number(text);
      if (!Number.isFinite(value)) continue;
      const plot = this.line(name, market);
      plot.points.push({ ms, value });
      if (plot.points.length > mostCandles) plot.points.splice(0, 1000);
      const time = this.bucket(ms);
      // One that is not shown is drawn from its points once it is.
      if (this.loaded && plot.pair === this.pair && (plot.last === undefined || time >= plot.last)) {
        plot.series.update({ time, value });
        plot.last = time;
      }
      plot.label.textContent = number(value, plot.decimals);
    }
  }

  // shownPlots are the lines on the chart that is shown.
  shownPlots() { return [...this.plots.values()].filter((plot) => plot.pair === this.pair); }

  // count tells how many lines are shown.
  count() { this.box.dataset.plots = this.shownPlots().length; }

  // showPlot shows a line on the chart of its market, and hides it on others.
  showPlot(plot) {
    plot.series.applyOptions({ visible: plot.pair === this.pair });
    plot.label.parentElement.hidden = plot.pair !== this.pair;
  }

  // line returns the line of a name on the chart of a market, a new one if there is none
  // yet.
  line(name, market = { pair: this.pair, price: this.decimals, tick: this.tick }) {
    const key = JSON.stringify([market.pair, name]);
    let plot = this.plots.get(key);
    if (plot) return plot;
    const beside = [...this.plots.values()].filter((p) => p.pair === market.pair).length;
    const nth = `plot-${(beside % 4) + 1}`;
    plot = { pair: market.pair, decimals: market.price, colour: nth, points: [], label: this.label(name, nth) };
    plot.series = this.chart.addSeries(LC().LineSeries, { color: colour(nth), lineWidth: 2, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, priceFormat: { type: 'price', precision: market.price, minMove: Number(market.tick) }, autoscaleInfoProvider: (own) => this.scaled(own()) });
    this.plots.set(key, plot);
    this.showPlot(plot);
    this.count();
    return plot;
  }

  // drew puts what a line was before, pairs of time and value, under what has come
  // since.
  drew(name, points) {
    const plot = this.line(name);
    const newest = points.at(-1)?.[0] ?? 0;
    plot.points = [...points.map(([ms, value]) => ({ ms, value })), ...plot.points.filter((p) => p.ms > newest)];
  }

  // redraw draws a line as the candles are long.
  redraw(plot) {
    const first = this.bars[0]?.time ?? 0; // an older point would make room for candles that are not here
    const data = this.folded(plot.points).filter((p) => p.time >= first);
    plot.series.setData(data);
    plot.last = data.at(-1)?.time;
    if (data.length) plot.label.textContent = number(data.at(-1).value, plot.decimals);
    this.box.dataset.points = Math.max(Number(this.box.dataset.points) || 0, data.length);
  }

  // scaled lets a strategy's line widen the scale as long as the candles can
  // still be told apart; a line further off does not count.
  scaled(own) {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!own?.priceRange || !range || this.allLines) return own;
    const seen = this.bars.slice(Math.max(0, Math.floor(range.from)), Math.ceil(range.to) + 1);
    const low = Math.min(...seen.map((b) => b.low));
    const high = Math.max(...seen.map((b) => b.high));
    const room = 2 * (high - low);
    return own.priceRange.minValue < low - room || own.priceRange.maxValue > high + room ? null : own;
  }

  label(name, nth) {
    const item = document.createElement('span');
    item.className = nth;
    const value = document.createElement('span');
    item.append(document.createElement('i'), `${name} `, value);
    this.legend.append(item);
    return value;
  }

  // folded keeps the last value in each candle.
  folded(points) {
    const out = [];
    for (const { ms, value } of points) {
      const time = this.bucket(ms);
      if (out.at(-1)?.time === time) out[out.length - 1] = { time, value };
      else if (!out.length || time > out.at(-1).time) out.push({ time, value });
    }
    return out;
  }

  // read tells the prices of the candle under the crosshair, or of the newest.
  read() {
    const bar = this.pointed ?? this.bars.at(-1);
    const write = (price) => number(price, this.decimals);
    this.reading.textContent = bar ? `O ${write(bar.open)}  H ${write(bar.high)}  L ${write(bar.low)}  C ${write(bar.close)}` : '';
  }

  // goTo moves the chart to a time.
  goTo(ms) {
    const time = this.bucket(ms);
    const at = this.bars.findIndex((b) => b.time >= time);
    if (at < 0 || (at === 0 && this.bars[0].time > time)) return false;
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const half = range ? Math.min(60, (range.to - range.from) / 2) : 40;
    this.chart.timeScale().setVisibleLogicalRange({ from: at - half, to: at + half });
    this.chart.setCrosshairPosition(this.bars[at].close, this.bars[at].time, this.candles);
    return true;
  }
}
