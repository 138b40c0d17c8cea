// What every page needs: appearance, times that stay true, dialogs, forms.
import { ago } from './format.js';

const root = document.documentElement;

// Appearance: at once here, and kept by the server for the next page.
document.addEventListener('submit', (event) => {
  const form = event.target;
  const kind = form.dataset.look;
  if (!kind) return;
  event.preventDefault();
  const data = new FormData(form);
  const button = event.submitter;
  if (button?.name) data.set(button.name, button.value);
  if (kind === 'theme') {
    const dark = getComputedStyle(root).colorScheme.includes('dark');
    data.set('theme', dark ? 'light' : 'dark');
  }
  for (const name of ['theme', 'palette', 'rail']) {
    if (data.has(name)) root.dataset[name] = data.get(name);
  }
  if (kind === 'rail' && button) button.value = data.get('rail') === 'narrow' ? 'auto' : 'narrow';
  document.dispatchEvent(new Event('look'));
  fetch(form.action, { method: 'POST', body: new URLSearchParams(data) }).catch(() => toast('The choice could not be kept.'));
});
for (const input of document.querySelectorAll('form[data-look="form"] input[type=radio]')) {
  input.addEventListener('change', () => input.form.requestSubmit());
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => document.dispatchEvent(new Event('look')));

// A form is sent once.
document.addEventListener('submit', (event) => {
  if (!event.target.matches('[data-once]') || event.defaultPrevented) return;
  for (const button of event.target.querySelectorAll('button[type=submit]')) button.setAttribute('aria-busy', 'true');
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = 'yes';
});
// Coming back to a page brings its forms back to life.
addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('[data-sent]')) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy');
  }
});

// Times that are told from now.
function renewTimes() {
  for (const time of document.querySelectorAll('time[data-ago]')) {
    const at = Date.parse(time.dateTime);
    time.textContent = ago(Date.now() - at);
  }
}
setInterval(renewTimes, 15000);

// Dialogs.
document.addEventListener('click', (event) => {
  const opener = event.target.closest('[data-open]');
  if (opener) document.getElementById(opener.dataset.open).showModal();
  if (event.target.closest('[data-close]')) event.target.closest('dialog').close();
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const menu of document.querySelectorAll('details.menu[open]')) {
    menu.open = false;
    menu.querySelector('summary').focus();
  }
});
// A slash goes to the page's search.
document.addEventListener('keydown', (event) => {
  const search = document.querySelector('input[type=search]');
  if (event.key !== '/' || !search || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.('input, select, textarea')) return;
  event.preventDefault();
  search.focus();
  search.select();
});
for (const dialog of document.querySelectorAll('dialog[data-open-now]')) dialog.showModal();

// Copying what stands on the page. Where the browser does not let a page copy, as
// over plain http, it is marked for whoever copies by hand.
document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    toast('Copied.');
  } catch {
    getSelection().selectAllChildren(source);
    toast('It is marked: press Ctrl+C, or ⌘C, to copy it.');
  }
});

// Passwords: showing them, and a hint at their strength. Length counts most.
for (const button of document.querySelectorAll('[data-reveal]')) {
  const input = document.getElementById(button.dataset.reveal);
  button.addEventListener('click', () => {
    const shown = input.type === 'password';
    input.type = shown ? 'text' : 'password';
    button.setAttribute('aria-pressed', String(shown));
  });
}
for (const input of document.querySelectorAll('[data-strength]')) {
  const hint = document.getElementById(input.dataset.strength);
  const words = ['At least 8 characters. Length helps most.', 'Too short', 'Fair. A few more words would help.', 'Good', 'Very good'];
  input.addEventListener('input', () => {
    const text = input.value;
    const various = new Set(text).size;
    let level = 0;
    if (text) level = text.length < 8 || various < 4 ? 1 : 2;
    if (text.length >= 12 && various >= 6) level = 3;
    if (text.length >= 16 && various >= 8) level = 4;
    hint.dataset.level = level;
    hint.lastElementChild.textContent = words[level];
  });
}

// A form that comes back with faults begins at the first of them.
const faulty = document.querySelector('form [aria-invalid="true"]');
if (faulty) {
  faulty.closest('details')?.setAttribute('open', '');
  faulty.focus();
}

// Forms that the server checks while they are filled in.
document.addEventListener('htmx:afterSettle', () => {
  for (const fault of document.querySelectorAll('p.fault[id^="fault-"]')) {
    const faulty = fault.textContent.trim() !== '';
    for (const input of document.querySelectorAll(`#${CSS.escape(fault.id.slice('fault-'.length))}, :is(input, select, textarea)[aria-describedby~="${CSS.escape(fault.id)}"]`)) {
      if (faulty) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
    }
  }
});
document.addEventListener('htmx:responseError', () => toast('That did not work. Try again in a moment.'));

// Lists that renew themselves while somebody looks.
for (const part of document.querySelectorAll('[data-refresh]')) {
  setInterval(() => {
    if (document.hidden || part.children.length > 60 || part.matches(':focus-within')) return;
    globalThis.htmx.ajax('GET', part.dataset.refresh, { target: part, swap: 'innerHTML' }).catch(() => {});
  }, 10000);
}

let toastTimer;
export function toast(text) {
  const box = document.getElementById('toasts');
  const line = document.createElement('p');
  line.className = 'toast';
  line.textContent = text;
  box.replaceChildren(line);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.replaceChildren(), 6000);
}
