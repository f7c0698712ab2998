/* Filters: rows and plots of one scheme, device, link, journey or group. */
const FACETS = ["scheme", "device", "link", "journey", "group"];
/* What a row is about, facet by facet, from the names of its columns. */
const facets = (names, row) => {
  const found = {};
  names.forEach((name, column) => {
    const parts = name.split(", "), cell = row.cells[column], text = plain(cell);
    if (parts.every(part => FACETS.includes(part))) {
      const values = parts.length > 1 ? text.split(", ") : [text];
      parts.forEach((part, i) => { if (values[i]) found[part] = values[i]; });
    } else if (name === "operation" && text.includes("@")) {
      found.link = text.split("@")[1];
    }
  });
  return found;
};
const filtered = [];
document.querySelectorAll(".scroll > table").forEach(table => {
  const names = [...table.tHead.rows[0].cells].map(cell => cell.textContent.trim());
  [...table.tBodies[0].rows].forEach(row => filtered.push({ about: facets(names, row), hide: is => { row.dataset.filtered = is ? "1" : "0"; refresh(row); } }));
});
document.querySelectorAll("figure[data-scheme]").forEach(figure => {
  if (figure.dataset.scheme) filtered.push({ about: { scheme: figure.dataset.scheme }, hide: is => { figure.hidden = is; } });
});
const filterBar = make("div", { class: "explore", role: "group", "aria-label": "Filters" });
const chosen = {};
FACETS.forEach(facet => {
  const values = [...new Set(filtered.map(item => item.about[facet]).filter(Boolean))].sort();
  if (values.length < 2) return;
  const select = make("select", { id: `filter-${facet}` }, make("option", { value: "" }, "all"), ...values.map(value => make("option", {}, value)));
  select.addEventListener("change", () => {
    chosen[facet] = select.value;
    filtered.forEach(item => item.hide(FACETS.some(f => chosen[f] && item.about[f] && item.about[f] !== chosen[f])));
    say(`${filtered.filter(item => !FACETS.some(f => chosen[f] && item.about[f] && item.about[f] !== chosen[f])).length} of ${filtered.length} rows and plots are shown.`);
  });
  filterBar.append(make("label", { for: select.id }, facet[0].toUpperCase() + facet.slice(1) + " "), select);
});
const links = document.querySelector("nav");
if (filterBar.children.length && links) links.after(filterBar);
