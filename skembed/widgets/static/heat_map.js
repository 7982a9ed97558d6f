// A table of cells whose colour is a value: arrows go from cell to cell, Enter and a click choose one.
//
// `show` takes { rows, columns, cell }: names, and a function of two indices that gives { share, text, title, colour }.
function heatMap(link, label, choose) {
  const table = ownKeys(h("table", { role: "grid", "aria-label": label, "aria-readonly": "true" }));
  const root = h("div", { className: "sk-heat" }, table);
  const at = (r, c) => table.tBodies[0]?.rows[r]?.cells[c + 1];
  const place = (cell) => [cell.parentElement.rowIndex - 1, cell.cellIndex - 1];
  const reach = (cell) => {
    for (const other of table.querySelectorAll("td[tabindex='0']")) other.tabIndex = -1;
    if (cell) cell.tabIndex = 0;
  };
  link.on(table, "click", (event) => {
    const cell = event.target.closest("td");
    if (!cell) return;
    cell.focus();
    choose(...place(cell));
  });
  link.on(table, "focusin", (event) => {
    const cell = event.target.closest("td");
    if (cell) reach(cell);
  });
  link.on(table, "keydown", (event) => {
    const cell = event.target.closest("td");
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const [r, c] = place(cell);
    if (event.key === "Enter" || event.key === " ") {
      stop(event);
      return choose(r, c);
    }
    const width = cell.parentElement.cells.length - 2;
    const to = { ArrowRight: [r, c + 1], ArrowLeft: [r, c - 1], ArrowDown: [r + 1, c], ArrowUp: [r - 1, c], Home: [r, 0], End: [r, width] }[event.key];
    if (!to) return;
    stop(event);
    if (to[0] >= 0 && to[1] >= 0) at(...to)?.focus();
  });
  const show = ({ rows, columns, corner, cell }) => {
    const held = table.contains(document.activeElement) ? place(document.activeElement.closest("td")) : null;
    const heading = h("tr", {}, h("td", { className: "sk-corner", textContent: corner, role: "presentation" }),
      ...columns.map((name) => h("th", { scope: "col", title: name }, h("span", { textContent: name }))));
    const body = rows.map((name, r) => h("tr", {}, h("th", { scope: "row", title: name, textContent: name }),
      ...columns.map((_, c) => heatCell(cell(r, c)))));
    table.replaceChildren(h("thead", {}, heading), h("tbody", {}, ...body));
    reach(at(0, 0));
    if (held) at(...held)?.focus();
  };
  const mark = (r, c) => {
    for (const cell of table.querySelectorAll("td[aria-selected='true']")) cell.setAttribute("aria-selected", "false");
    const cell = at(r, c);
    if (!cell) return;
    cell.setAttribute("aria-selected", "true");
    reach(cell);
  };
  return { root, show, mark };
}

function heatCell({ share, text, title, colour }) {
  const cell = h("td", { role: "gridcell", tabIndex: -1, title, "aria-label": title, "aria-selected": "false", textContent: text ?? "" });
  // Up to 70 % of the colour under a text, so that it can be read in both themes.
  const most = text === undefined ? 92 : 62;
  if (share > 0) cell.style.background = `color-mix(in srgb, ${colour} ${(8 + most * Math.min(1, share)).toFixed(1)}%, transparent)`;
  return cell;
}
