/* Tables: sorted by a button in each heading, searched where they are long, copied as CSV or LaTeX. */
const make = (tag, attributes, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const said = make("p", { class: "said", role: "status" });
document.querySelector("main").append(said);
const say = text => { said.textContent = text; };
/* The main text of a cell, without its small print. */
const plain = cell => {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll("small").forEach(small => small.remove());
  return copy.textContent.trim();
};
const UNITS = { "%": 1, "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400 };
/* A number with its unit, for the order; null for words. */
const number = text => {
  const match = /^[<≤≥]?\s*([+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?)\s*(%|µs|ms|s|min|h|d)?(?:$|[\s[(/])/.exec(text);
  return match ? Number(match[1].replaceAll(",", "")) * (UNITS[match[2]] || 1) : null;
};
const byCell = column => (a, b) => {
  const [x, y] = [a, b].map(row => plain(row.cells[column]));
  const [m, n] = [number(x), number(y)];
  if ((m === null) !== (n === null)) return m === null ? 1 : -1;
  return m === null ? x.localeCompare(y, "en") : m - n;
};
const sort = (table, heading, column) => {
  const direction = heading.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  table.querySelectorAll("th").forEach(th => th.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", direction);
  const body = table.tBodies[0], rows = [...body.rows].sort(byCell(column));
  if (direction === "descending") rows.reverse();
  body.append(...rows);
  say(`Sorted by ${heading.textContent}, ${direction}.`);
};
const shownRows = table => [...table.rows].filter(row => !row.hidden);
const texts = row => [...row.cells].map(cell => {
  const copy = cell.cloneNode(true);
  copy.querySelectorAll("small, br").forEach(e => e.before(" "));
  return copy.textContent.replace(/\s+/g, " ").trim();
});
const csv = table => shownRows(table)
  .map(row => texts(row).map(text => /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text).join(",")).join("\n") + "\n";
const TEX = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "≤": "$\\leq$", "≥": "$\\geq$", "–": "--", "µ": "$\\mu$", "×": "$\\times$" };
const tex = text => text.replace(/[\\~^≤≥–µ×&%$#_{}]/g, sign => TEX[sign] || "\\" + sign);
const latex = table => {
  const columns = [...table.tHead.rows[0].cells].map(cell => cell.classList.contains("figure") ? "r" : "l").join("");
  const [head, ...rows] = shownRows(table).map(row => texts(row).map(tex).join(" & ") + " \\\\\n");
  return `\\begin{tabular}{${columns}}\n\\hline\n${head}\\hline\n${rows.join("")}\\hline\n\\end{tabular}\n`;
};
/* Copies through a text area: a page opened from a file may have no clipboard of its own. */
const copyText = text => {
  const area = make("textarea", { class: "said", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
};
const button = (text, label, act) => {
  const made = make("button", label ? { type: "button", "aria-label": label } : { type: "button" }, text);
  made.addEventListener("click", act);
  return made;
};
/* A row is shown when neither the search nor a filter hides it. */
const refresh = row => { row.hidden = row.dataset.unfound === "1" || row.dataset.filtered === "1"; };
const prepare = (table, index) => {
  const about = table.parentElement.getAttribute("aria-label").replace(/^Table: /, "");
  [...table.tHead.rows[0].cells].forEach((th, column) => {
    if (!th.textContent || table.tBodies[0].rows.length < 2) return;
    const press = button("", null, () => sort(table, th, column));
    press.append(...th.childNodes);
    th.append(press);
  });
  const tools = make("div", { class: "tools" });
  if (table.tBodies[0].rows.length > 8) {
    const field = make("input", { type: "search", id: `search-${index}` });
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase();
      const rows = [...table.tBodies[0].rows];
      rows.forEach(row => { row.dataset.unfound = row.textContent.toLowerCase().includes(wanted) ? "0" : "1"; refresh(row); });
      say(`${rows.filter(row => !row.hidden).length} of ${rows.length} rows.`);
    });
    tools.append(make("label", { for: field.id }, "Search "), field);
  }
  for (const [name, write] of [["CSV", csv], ["LaTeX", latex]]) {
    tools.append(button(`Copy ${name}`, `Copy ${name} of table: ${about}`, () =>
      say(copyText(write(table)) ? `The table is copied as ${name}.` : "The browser did not allow the copy.")));
  }
  table.parentElement.before(tools);
};
document.querySelectorAll(".scroll > table").forEach(prepare);
