// A list of names with bars. Where one can be chosen, its rows are buttons, and `choose` hears of it.
//
// A row is { name, text, part, value, title, colour, kind }: `part` is the length of the bar, in [-1, 1].
function barList(link, label, choose = null) {
  const root = h("div", { className: "sk-bars", role: choose ? "toolbar" : "list", "aria-label": label });
  const arrange = choose ? roving(link, root, "button") : () => {};
  if (choose) {
    link.on(root, "click", (event) => {
      const button = event.target.closest("button");
      if (button) choose(button.value);
    });
  }
  const show = (rows, label) => {
    if (label) root.setAttribute("aria-label", label);
    const held = root.contains(document.activeElement) ? document.activeElement.value : null;
    const isSigned = rows.some((row) => row.part < 0);
    root.replaceChildren(...rows.map((row) => barRow(row, isSigned, choose !== null)));
    const again = held === null ? null : [...root.children].find((row) => row.value === held);
    again?.focus();
    arrange();
  };
  const mark = (value) => {
    for (const row of root.children) row.setAttribute("aria-pressed", String(row.value === value));
  };
  return { root, show, mark };
}

function barRow(row, isSigned, isButton) {
  const bar = h("i");
  const length = Math.min(1, Math.abs(row.part)) * (isSigned ? 50 : 100);
  bar.style.width = `${length}%`;
  bar.style.left = isSigned ? `${row.part < 0 ? 50 - length : 50}%` : 0;
  bar.style.background = row.colour;
  const parts = [
    h("span", { className: "sk-bar-name", textContent: row.name }),
    h("span", { className: `sk-bar-track${isSigned ? " sk-signed" : ""}`, "aria-hidden": "true" }, bar),
    h("span", { className: "sk-bar-text", textContent: row.text }),
  ];
  const title = row.title ?? row.name;
  if (!isButton) return h("div", { className: "sk-bar", role: "listitem", title }, ...parts);
  return h("button", {
    type: "button", className: `sk-bar${row.kind ? ` sk-bar-${row.kind}` : ""}`, value: row.value ?? row.name,
    title, tabIndex: -1, "aria-pressed": "false", "aria-label": `${row.name}: ${row.text}`,
  }, ...parts);
}

// Red speaks for, blue against; the sign stands beside it.
function signColour(link, value) {
  return PALETTES[link.theme][value < 0 ? 0 : 1];
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toPrecision(3)}`;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
