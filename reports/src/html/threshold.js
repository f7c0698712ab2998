/* The threshold: one slider moves the histogram, the error rates, the point of the DET, both rates and their verdicts. */
const marker = (svg, tag, attributes) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  svg.append(element);
  return element;
};
const COLOURS = { passed: "good", failed: "bad", "not enough evidence": "open" };
const thresholds = (data, host) => {
  const choice = make("select", { id: "threshold-scheme" }, ...data.map((s, i) => make("option", { value: i }, s.scheme)));
  const slider = make("input", { type: "range", id: "threshold", min: 0, step: 1 });
  const out = make("div", { class: "rates", id: "threshold-rates" });
  const markers = [];
  const update = () => {
    const scheme = data[choice.value], step = scheme.steps[slider.value];
    const where = slider.value == scheme.stated ? " (the operating threshold of this run)" : "";
    slider.setAttribute("aria-valuetext", `threshold ${pretty(step.threshold)}, FMR ${step.fmr.text}, FNMR ${step.fnmr.text}`);
    const line = (name, text) => make("div", {}, make("b", {}, name), " ", text);
    out.replaceChildren(line("Threshold", pretty(step.threshold) + where), line("FMR", step.fmr.text), line("FNMR", step.fnmr.text),
      ...step.verdicts.map(([limit, verdict]) => make("div", {}, limit + ": ", make("b", { class: COLOURS[verdict] }, verdict))));
    markers.splice(0).forEach(element => element.remove());
    document.querySelectorAll("figure[data-plot]").forEach(figure => {
      const chart = charts.get(figure.querySelector("svg"));
      if (!chart || (figure.dataset.scheme && figure.dataset.scheme !== scheme.scheme)) return;
      if (figure.dataset.plot === "det") {
        markers.push(marker(chart.svg, "circle", { class: "moved", r: 7, cx: chart.atX(step.fmr.value), cy: chart.atY(step.fnmr.value) }));
      } else {
        const x = chart.atX(step.threshold);
        markers.push(marker(chart.svg, "path", { class: "moved", d: `M${x} ${PLACE.top}L${x} ${PLACE.bottom}` }));
      }
    });
  };
  const start = () => { const scheme = data[choice.value]; slider.max = scheme.steps.length - 1; slider.value = scheme.stated; update(); };
  choice.addEventListener("change", start);
  slider.addEventListener("input", update);
  const box = make("div", { class: "explore", role: "group", "aria-label": "Threshold" });
  if (data.length > 1) box.append(make("label", { for: choice.id }, "Scheme "), choice);
  box.append(make("label", { for: slider.id }, "Move the threshold "), slider, button("Back", "Back to the operating threshold", start), out);
  host.before(box);
  start();
};
const recorded = document.getElementById("explore-thresholds");
const comparisonPlots = document.querySelector("#comparison .plots");
if (recorded && comparisonPlots) thresholds(JSON.parse(recorded.textContent), comparisonPlots);
