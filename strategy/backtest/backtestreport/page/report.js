"use strict";
(() => {
  const root = document.documentElement;
  const button = document.querySelector("button");
  const dark = () => root.style.colorScheme
    ? root.style.colorScheme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => { button.textContent = dark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.style.colorScheme = dark() ? "light" : "dark";
    name();
  });
  name();

  // One pointer moves over all charts at once.
  const data = JSON.parse(document.getElementById("readings").textContent);
  const charts = [...document.querySelectorAll("[data-chart]")].map((card) => {
    const canvas = card.querySelector(".canvas");
    const cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.hidden = true;
    canvas.append(cursor);
    return { canvas, cursor, values: data[card.dataset.chart], reading: card.querySelector(".reading") };
  });
  const nearest = (x) => {
    let low = 0, high = data.x.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data.x[middle] < x) low = middle + 1; else high = middle;
    }
    return low > 0 && x - data.x[low - 1] < data.x[low] - x ? low - 1 : low;
  };
  const show = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = nearest(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 1000);
    for (const chart of charts) {
      chart.cursor.hidden = false;
      chart.cursor.style.left = data.x[at] / 10 + "%";
      chart.reading.textContent = data.time[at] + " · " + chart.values[at];
    }
  };
  const hide = () => {
    for (const chart of charts) {
      chart.cursor.hidden = true;
      chart.reading.textContent = "";
    }
  };
  for (const { canvas } of charts) {
    canvas.addEventListener("pointermove", show);
    canvas.addEventListener("pointerdown", show);
    canvas.addEventListener("pointerleave", hide);
  }
})();
