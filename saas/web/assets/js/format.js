// How numbers and times are written. Decimals arrive as strings and are
// written without passing through floating point where the browser can.

const formats = new Map();

function format(decimals, signed) {
  const key = `${decimals}${signed}`;
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat('en-US', {
      minimumFractionDigits: decimals, maximumFractionDigits: decimals, signDisplay: signed ? 'exceptZero' : 'negative',
    }));
  }
  return formats.get(key);
}

// number writes a decimal with thousands separators and a proper minus.
export function number(value, decimals) {
  return format(decimals, false).format(value).replace('-', '−');
}

// signed is number with a plus before gains.
export function signed(value, decimals) {
  return format(decimals, true).format(value).replace('-', '−');
}

export function tone(value) {
  const n = Number(value);
  if (n > 0) return 'gain';
  return n < 0 ? 'loss' : 'flat';
}

export const arrows = { gain: '▲', loss: '▼', flat: '' };

// length writes a duration, in milliseconds, with its one or two largest units.
export function length(ms) {
  const seconds = Math.floor(ms / 1000);
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return hours > 0 && days < 10 ? `${days} d ${hours} h` : `${days} d`;
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  return minutes > 0 ? `${minutes} min` : `${seconds} s`;
}

export function ago(ms) {
  if (ms < 0) return `in ${length(-ms)}`;
  return ms < 10000 ? 'just now' : `${length(ms)} ago`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (n) => String(n).padStart(2, '0');

// day and clock write a time of the market, in epoch milliseconds, in UTC.
export function day(ms) {
  const t = new Date(ms);
  return `${t.getUTCDate()} ${months[t.getUTCMonth()]}`;
}

export function clock(ms) {
  const t = new Date(ms);
  return `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())}`;
}

// countdown writes what is left until something, as a clock does.
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest}`;
}

export function exact(ms) {
  return `${day(ms)} ${new Date(ms).getUTCFullYear()}, ${clock(ms)} UTC`;
}
