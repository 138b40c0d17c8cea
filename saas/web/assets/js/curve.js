// A line over time, drawn by uPlot.
import { day, number } from './format.js';
import { colour, faded, font } from './theme.js';

export class Curve {
  // options: decimals, axisDecimals (at least), axisUnit, tone ('accent' or
  // 'loss'), unit, sync (a name).
  constructor(box, options) {
    this.box = box;
    this.options = options;
    this.times = [];
    this.values = [];
    this.frame = 0;
    new ResizeObserver(() => this.resize()).observe(box);
    document.addEventListener('look', () => this.build());
  }

  set(times, values) {
    this.times = times;
    this.values = values;
    this.build();
  }

  // add appends a point; one of the same second replaces the last.
  add(time, value) {
    const last = this.times.length - 1;
    if (last >= 0 && time < this.times[last]) return;
    if (last >= 0 && time === this.times[last]) this.values[last] = value;
    else { this.times.push(time); this.values.push(value); }
    if (this.times.length > 4000) { this.times.splice(0, 1000); this.values.splice(0, 1000); }
    if (!this.plot) { this.build(); return; }
    if (!this.frame) {
      this.frame = requestAnimationFrame(() => { this.frame = 0; this.plot?.setData([this.times, this.values]); });
    }
  }

  build() {
    this.plot?.destroy();
    this.plot = null;
    if (this.times.length < 2 || !this.box.clientWidth) return;
    const { decimals, tone, unit, sync } = this.options;
    const line = colour(tone);
    const axis = { stroke: colour('text-3'), font, grid: { stroke: colour('surface-2'), width: 1 }, ticks: { show: false } };
    const write = (v) => (v == null ? '–' : `${number(v, decimals)}${unit}`);
    this.plot = new globalThis.uPlot({
      width: this.box.clientWidth,
      height: this.box.clientHeight,
      padding: [8, 8, 0, 0],
      tzDate: (ts) => globalThis.uPlot.tzDate(new Date(ts * 1e3), 'Etc/UTC'),
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false }, ...(sync ? { sync: { key: sync } } : {}) },
      scales: { y: { range: (u, low, high) => spread(low, high, this.options.top) } },
      axes: [
        { ...axis, size: 24, space: 80, values: timeLabels },
        { ...axis, side: 1, size: 74, space: this.options.top === 0 ? 18 : 32, values: (u, ticks, axis, space, step) => this.axisLabels(ticks, step) },
      ],
      series: [{}, { stroke: line, width: 1.6, fill: faded(tone, 0.1), fillTo: this.options.top === 0 ? 0 : undefined, points: { show: false }, value: (u, v) => write(v) }],
      hooks: { setCursor: [(u) => this.tell(u, write)] },
    }, [this.times, this.values], this.box);
  }

  // axisLabels writes as many decimals as tell one tick from the next.
  axisLabels(ticks, step) {
    let decimals = this.options.axisDecimals ?? this.options.decimals;
    const uneven = (n) => Math.abs(n - Math.round(n)) > n * 1e-6;
    while (decimals < 8 && uneven(step * 10 ** decimals)) decimals++;
    return ticks.map((v) => number(v, decimals) + (this.options.axisUnit ?? ''));
  }

  // tell shows the value under the cursor as the chart's title.
  tell(u, write) {
    const i = u.cursor.idx;
    this.box.title = i == null ? '' : `${new Date(u.data[0][i] * 1e3).toISOString().slice(0, 16).replace('T', ' ')} UTC: ${write(u.data[1][i])}`;
  }

  resize() {
    if (!this.plot) { this.build(); return; }
    this.plot.setSize({ width: this.box.clientWidth, height: this.box.clientHeight });
  }
}

// spread leaves room above and below, and keeps a flat line in the middle.
function spread(low, high, top) {
  if (low == null) return [0, 1];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.002 || 1;
  return [low - room, top === 0 ? 0 : high + room];
}

// timeLabels writes dates once a day and clock times between, and nothing where
// the edge would cut it.
function timeLabels(u, ticks) {
  const long = ticks.length > 1 && ticks.at(-1) - ticks[0] > 3 * 86400;
  let before = ''; // within a minute all ticks would say the same
  return ticks.map((t) => {
    if (u.valToPos(t, 'x') < 16) return '';
    const iso = new Date(t * 1e3).toISOString();
    const text = long || t % 86400 === 0 ? day(t * 1e3) : iso.slice(11, 16);
    if (text === before) return '';
    before = text;
    return text;
  });
}

// drawdown returns how far each value is below the highest before it, in per
// cent, at most 0.
export function drawdown(values) {
  let peak = -Infinity;
  return values.map((v) => {
    peak = Math.max(peak, v);
    return peak > 0 ? ((v - peak) / peak) * 100 : 0;
  });
}
