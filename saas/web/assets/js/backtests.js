// The list of backtests: it follows those that are under way, and lets two to
// four be compared.
const rows = document.getElementById('live');
const button = document.getElementById('compare-button');
const hint = document.getElementById('compare-hint');

function picked() {
  if (!button) return;
  const n = rows.querySelectorAll('.pick input:checked').length;
  button.disabled = n < 2 || n > 4;
  hint.textContent = n > 4 ? 'Four at most can be compared.' : 'Tick two to four backtests that are done.';
  hint.hidden = n >= 2 && n <= 4;
}

function active() { return rows.querySelector('[data-status="queued"], [data-status="running"]') !== null; }

if (rows) {
  picked();
  rows.addEventListener('change', picked);
  document.addEventListener('htmx:afterSettle', picked);
  setInterval(() => {
    if (document.hidden || !active() || rows.children.length > 60 || rows.querySelector('a:focus, button:focus')) return;
    globalThis.htmx.ajax('GET', rows.dataset.rows, { target: rows, swap: 'innerHTML' }).catch(() => {});
  }, 1500);
}
