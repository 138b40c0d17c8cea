// Colours of the stylesheet, for what is drawn on a canvas.

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// faded returns a colour with an opacity; every colour of the stylesheet is
// written with six digits.
export function faded(name, opacity) {
  const hex = colour(name);
  const part = (at) => parseInt(hex.slice(at, at + 2), 16);
  return `rgba(${part(1)}, ${part(3)}, ${part(5)}, ${opacity})`;
}

export const font = '12px system-ui, sans-serif';
