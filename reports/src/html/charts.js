/* Charts: values under the pointer and by the arrow keys; zoom of the horizontal axis. */
/* Taken from the page, so that no address stands in it. */
const SVG = document.querySelector("svg")?.namespaceURI;
const PLACE = { left: 76, right: 616, top: 16, bottom: 308 };
/* The standard normal distribution function, by its power series (DLMF 7.6.2). */
const normal = z => {
  let term = z, sum = z;
  for (let k = 1; k < 300 && Math.abs(term) > 1e-17; k++) sum += term = term * z * z / (2 * k + 1);
  return 0.5 + sum * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
};
/* Solves a rising function for a value. */
const solve = (rising, value, low, high) => {
  for (let i = 0; i < 80; i++) { const middle = (low + high) / 2; if (rising(middle) < value) low = middle; else high = middle; }
  return (low + high) / 2;
};
const SCALES = {
  linear: [v => v, v => v],
  log10: [Math.log10, v => 10 ** v],
  probit: [v => solve(normal, v, -8, 8), normal],
  nines: [v => -Math.log10(Math.max(1 - v, 1e-12)), v => 1 - 10 ** -v],
};
const axis = text => {
  const [scale, low, high] = text.split(" ");
  const [forward, back] = SCALES[scale], [a, b] = [low, high].map(v => forward(Number(v)));
  return {
    share: value => (forward(Math.min(Math.max(value, Number(low)), Number(high))) - a) / (b - a),
    value: share => back(a + share * (b - a)),
  };
};
const pretty = value => Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
const charts = new Map();
const chartOf = svg => {
  const x = axis(svg.dataset.x), y = axis(svg.dataset.y);
  const labels = [...svg.querySelectorAll("text.axis")].map(text => text.textContent);
  const colour = element => [...element.classList].find(c => /^c\d+$/.test(c));
  const series = [...svg.querySelectorAll("path.line:not(.bar)")].map(path => {
    const name = svg.querySelector(`text.name.${colour(path)}`);
    const points = path.getAttribute("d").slice(1).split("L").map(pair => pair.split(" ").map(Number));
    return { path, name: name ? name.textContent : "", points };
  });
  /* Points of a sweep stand beside their value, so that no bar hides another: the value is that of the tick. */
  const ticks = svg.closest("[data-linked]") ? [...svg.querySelectorAll("text.note[text-anchor=middle]")].map(t => [Number(t.getAttribute("x")), t.textContent]) : [];
  const acrossOf = px => {
    const tick = ticks.find(([at]) => Math.abs(at - px) < 24);
    return tick ? tick[1] : pretty(x.value((px - PLACE.left) / (PLACE.right - PLACE.left)));
  };
  return {
    svg, x, y, labels, series, window: [0, 1],
    atX: value => PLACE.left + x.share(value) * (PLACE.right - PLACE.left),
    atY: value => PLACE.bottom - y.share(value) * (PLACE.bottom - PLACE.top),
    say: (px, py) => `${labels[0]} ${acrossOf(px)}, ${labels[1]} ${pretty(y.value((PLACE.bottom - py) / (PLACE.bottom - PLACE.top)))}`,
  };
};
const tip = make("div", { class: "tip", "aria-hidden": "true" });
tip.hidden = true;
document.body.append(tip);
const place = (chart, px) => PLACE.left + ((px - PLACE.left) / (PLACE.right - PLACE.left) - chart.window[0]) / (chart.window[1] - chart.window[0]) * (PLACE.right - PLACE.left);
const mark = (chart, px, py) => {
  if (!chart.mark) { chart.mark = document.createElementNS(SVG, "circle"); chart.mark.setAttribute("class", "mark"); chart.mark.setAttribute("r", 5); chart.svg.append(chart.mark); }
  chart.mark.setAttribute("cx", place(chart, px));
  chart.mark.setAttribute("cy", py);
};
const unmark = chart => { if (chart.mark) { chart.mark.remove(); chart.mark = null; } };
const linkedTo = chart => chart.svg.closest("[data-linked]") ? [...charts.values()].filter(other => other !== chart && other.svg.closest("[data-linked]")) : [];
/* The same place on the line of the same name, in the other charts of a sweep. */
const echo = (chart, line, px) => linkedTo(chart).forEach(other => {
  const same = other.series.find(candidate => candidate.name === line.name);
  if (!same) return unmark(other);
  const near = same.points.reduce((best, point) => Math.abs(point[0] - px) < Math.abs(best[0] - px) ? point : best);
  mark(other, near[0], near[1]);
});
const show = (chart, line, index) => {
  const [px, py] = line.points[index], box = chart.svg.getBoundingClientRect();
  const text = (line.name ? line.name + ": " : "") + chart.say(px, py);
  tip.textContent = text;
  tip.hidden = false;
  const width = document.documentElement.clientWidth;
  tip.style.left = `${Math.max(4, Math.min(box.left + place(chart, px) / 640 * box.width + 10, width - tip.offsetWidth - 4)) + scrollX}px`;
  tip.style.top = `${box.top + py / 360 * box.height - tip.offsetHeight - 10 + scrollY}px`;
  mark(chart, px, py);
  echo(chart, line, px);
  return text;
};
const hide = chart => { tip.hidden = true; [chart, ...linkedTo(chart)].forEach(unmark); };
const inWindow = (chart, point) => { const px = place(chart, point[0]); return px >= PLACE.left - 0.5 && px <= PLACE.right + 0.5; };
const pointed = (chart, event) => {
  const box = chart.svg.getBoundingClientRect();
  const px = (event.clientX - box.left) / box.width * 640, py = (event.clientY - box.top) / box.height * 360;
  let best = null;
  chart.series.forEach(line => line.points.forEach((point, index) => {
    if (!inWindow(chart, point)) return;
    const away = Math.hypot(place(chart, point[0]) - px, (point[1] - py) / 2);
    if (!best || away < best.away) best = { line, index, away };
  }));
  if (best && best.away < 60) show(chart, best.line, best.index); else hide(chart);
};
const keyed = (chart, event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], other = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") hide(chart);
  if (!step && !other) return;
  event.preventDefault();
  chart.at = chart.at || { line: 0, index: -1 };
  if (other) chart.at = { line: (chart.at.line + other + chart.series.length) % chart.series.length, index: 0 };
  const line = chart.series[chart.at.line];
  let index = Math.max(chart.at.index, step > 0 ? -1 : 0);
  do index += step || 0; while (step && line.points[index] && !inWindow(chart, line.points[index]));
  chart.at.index = Math.max(0, Math.min(line.points.length - 1, index));
  say(show(chart, line, chart.at.index));
};
/* Draws the horizontal axis over a part of it, from a share to a share. */
const zoom = (chart, from, to) => {
  const span = Math.min(1, Math.max(to - from, 1 / 256)), low = Math.min(Math.max(from, 0), 1 - span);
  chart.window = [low, low + span];
  hide(chart);
  chart.svg.querySelectorAll("[data-d]").forEach(path => {
    path.setAttribute("d", path.dataset.d.replace(/([ML])([\d.]+) /g, (_, command, px) => `${command}${place(chart, Number(px)).toFixed(1)} `));
  });
  const whole = span === 1;
  chart.svg.querySelectorAll(".zoomed").forEach(text => text.remove());
  chart.svg.querySelectorAll("[data-tick], text.name").forEach(e => { e.style.display = whole ? "" : "none"; });
  if (!whole) for (let i = 0; i <= 4; i++) {
    const text = document.createElementNS(SVG, "text");
    text.setAttribute("class", "note zoomed");
    text.setAttribute("x", PLACE.left + i / 4 * (PLACE.right - PLACE.left));
    text.setAttribute("y", PLACE.bottom + 18);
    text.setAttribute("text-anchor", "middle");
    text.textContent = pretty(chart.x.value(low + i / 4 * span));
    chart.svg.append(text);
  }
};
const zoomable = (chart, index) => {
  const clip = document.createElementNS(SVG, "clipPath");
  clip.id = `clip-${index}`;
  const frame = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ x: PLACE.left, y: 0, width: PLACE.right - PLACE.left, height: 360 })) frame.setAttribute(name, value);
  clip.append(frame);
  chart.svg.prepend(clip);
  chart.svg.querySelectorAll("path.line, path.area").forEach(path => { path.dataset.d = path.getAttribute("d"); path.setAttribute("clip-path", `url(#${clip.id})`); });
  chart.svg.querySelectorAll("text.note").forEach(text => { if (Number(text.getAttribute("y")) > PLACE.bottom) text.dataset.tick = "1"; });
  chart.svg.querySelectorAll("path.grid").forEach(path => { const d = path.getAttribute("d").slice(1).split(/[L ]/); if (d[0] === d[2]) path.dataset.tick = "1"; });
  const about = chart.svg.getAttribute("aria-label");
  const by = (narrower, shift) => () => {
    const [a, b] = chart.window, middle = (a + b) / 2 + shift * (b - a), half = (b - a) / 2 * narrower;
    zoom(chart, middle - half, middle + half);
  };
  const tools = make("div", { class: "tools" });
  for (const [sign, what, act] of [["+", "Zoom in", by(0.5, 0)], ["−", "Zoom out", by(2, 0)], ["←", "Earlier part", by(1, -0.5)], ["→", "Later part", by(1, 0.5)], ["Whole", "Whole axis", () => zoom(chart, 0, 1)]])
    tools.append(button(sign, `${what}: ${about}`, act));
  chart.svg.after(tools);
};
document.querySelectorAll("svg.chart[data-x]").forEach((svg, index) => {
  const chart = chartOf(svg);
  charts.set(svg, chart);
  if (!chart.series.length) return;
  /* An application, for a screen reader hands the arrow keys to nothing else. */
  svg.setAttribute("tabindex", "0");
  svg.setAttribute("role", "application");
  svg.setAttribute("aria-roledescription", "chart: arrow keys read its values");
  svg.querySelector("title").remove();
  svg.addEventListener("pointermove", event => pointed(chart, event));
  svg.addEventListener("pointerleave", () => hide(chart));
  svg.addEventListener("keydown", event => keyed(chart, event));
  svg.addEventListener("blur", () => hide(chart));
  if (svg.closest("[data-zoom]")) zoomable(chart, index);
});
