"use strict";
(() => {
  // One pointer moves over all charts at once.
  const box = document.getElementById("readings");
  const data = box && JSON.parse(box.textContent);
  if (!data || !data.x || data.x.length === 0) return;
  const charts = [...document.querySelectorAll("[data-chart]")].map((card) => {
    const canvas = card.querySelector(".r-canvas");
    const cursor = document.createElement("div");
    cursor.className = "r-cursor";
    cursor.hidden = true;
    canvas.append(cursor);
    return { canvas, cursor, values: data.values[card.dataset.chart], reading: card.querySelector(".r-reading") };
  });
  const nearest = (x) => {
    let low = 0, high = data.x.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data.x[middle] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - data.x[low - 1] < data.x[low] - x ? low - 1 : low;
  };
  let at = data.x.length - 1;
  const read = () => {
    for (const chart of charts) {
      chart.cursor.hidden = false;
      chart.cursor.style.left = data.x[at] / 10 + "%";
      chart.reading.textContent = data.time[at] + " · " + chart.values[at];
    }
  };
  const show = (event) => {
    const area = event.currentTarget.getBoundingClientRect();
    at = nearest(Math.min(1, Math.max(0, (event.clientX - area.left) / area.width)) * 1000);
    read();
  };
  const hide = () => {
    for (const chart of charts) {
      chart.cursor.hidden = true;
      chart.reading.textContent = "";
    }
  };
  // The arrow keys do what the pointer does.
  const step = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -data.x.length, End: data.x.length }[event.key];
    if (!by) return;
    event.preventDefault();
    at = Math.min(data.x.length - 1, Math.max(0, at + by));
    read();
  };
  for (const { canvas } of charts) {
    canvas.tabIndex = 0;
    canvas.addEventListener("pointermove", show);
    canvas.addEventListener("pointerdown", show);
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("keydown", step);
    canvas.addEventListener("focus", read);
    canvas.addEventListener("blur", hide);
  }
})();
