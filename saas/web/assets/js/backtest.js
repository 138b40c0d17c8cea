// The page of a backtest that is under way.
import { follow } from './stream.js';
import { length, number } from './format.js';

const run = document.getElementById('run');
const bar = document.getElementById('bar');
const says = document.getElementById('says');
let began = 0; // when the present attempt began, by this clock

function show({ done, total, percent }) {
  bar.value = done;
  if (total) bar.max = total;
  for (const part of document.querySelectorAll('[data-v="percent-big"]')) part.textContent = percent;
  for (const part of document.querySelectorAll('[data-v="percent"]')) part.textContent = `${percent} %`;
  let text = `${number(done, 0)} of ${number(total, 0)} ${run.dataset.unit}.`;
  const took = Date.now() - began;
  if (began && done > 0 && done < total && took > 2000) text += ` About ${length((took / done) * (total - done) + 999)} left.`;
  says.textContent = done > 0 ? text : 'Starting the strategy.';
}

function state(status) {
  if (status === run.dataset.status) return;
  run.dataset.status = status;
  if (status !== 'running') { location.reload(); return; }
  began = Date.now();
  says.textContent = 'Starting the strategy.';
  for (const word of document.querySelectorAll('.run-meta [data-v="run-status"]')) {
    word.textContent = status;
    word.parentElement.className = `status t-${status}`;
  }
}

follow(`/backtests/${run.dataset.id}/stream`, {
  hello: (data) => {
    state(data.status);
    if (data.status === 'queued') says.textContent = `${data.reason || 'Waiting for a worker.'} It begins by itself.`;
    if (data.status !== 'running') return;
    began = Date.now() - data.elapsed;
    show(data);
  },
  status: (data) => state(data.status),
  progress: show,
}, () => {});
