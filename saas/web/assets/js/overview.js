// The curve of all bots together.
import { Curve } from './curve.js';

const box = document.getElementById('total-equity');
if (box) {
  const curve = new Curve(box, { decimals: 2, axisDecimals: 0, tone: 'accent', unit: '' });
  const load = async () => {
    const answer = await fetch(box.dataset.url, { headers: { Accept: 'application/json' } });
    if (!answer.ok) return;
    const data = await answer.json();
    if (data.counter) curve.options.unit = ` ${data.counter}`;
    const times = data.times ?? [];
    box.hidden = times.length < 2; // there is no curve yet
    curve.set(times, data.values ?? []);
  };
  const renew = () => load().catch(() => {});
  renew();
  setInterval(() => { if (!document.hidden) renew(); }, 30000);
}
