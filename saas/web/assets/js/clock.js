// The market's time, which goes on between what the server says of it. A replay
// is faster than the wall clock: how much is measured.

export class MarketClock {
  constructor(ms) {
    this.rate = 1;
    this.last = { ms, at: performance.now() };
    this.first = this.last;
  }

  set(ms) {
    if (ms <= this.last.ms) return; // a candle is told after its close
    this.last = { ms, at: performance.now() };
    const wall = this.last.at - this.first.at;
    if (wall < 2000) return;
    this.rate = (ms - this.first.ms) / wall;
    this.first = this.last;
  }

  now() { return this.last.ms + this.rate * (performance.now() - this.last.at); }

  // close returns when the candle of a length closes that is forming.
  close(length) { return (Math.floor(this.now() / length) + 1) * length; }
}
