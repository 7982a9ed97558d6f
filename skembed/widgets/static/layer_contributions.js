export default widget((link) => {
  const target = h("select", { "aria-label": "Class" });
  const all = h("button", { type: "button", textContent: "All layers", title: "Show the strongest features of all layers (Escape)" });
  const tools = h("div", { className: "sk-tools" }, h("label", {}, "Class ", target), all);
  // A second click, like Escape, shows all layers again.
  const bars = barList(link, "Layers and stages", (name) => link.set("selected", name === link.get("selected") ? "" : name));
  const title = h("div", { className: "sk-title" });
  const features = barList(link, "Strongest features");
  const side = h("div", { className: "sk-side" }, title, features.root);
  const foot = frame(link, "Contributions of layers", tools, h("div", { className: "sk-columns" }, h("div", {}, bars.root), side));
  const view = { link, target, all, bars, title, features, foot };
  link.on(target, "change", () => link.set("target", target.value));
  link.on(all, "click", () => link.set("selected", ""));
  link.on(bars.root, "keydown", (event) => {
    if (event.key !== "Escape") return;
    stop(event);
    link.set("selected", "");
  });
  const drawBars = () => showBars(view);
  const drawFeatures = () => showFeatures(view);
  link.onTrait(["target", "_parts"], drawBars);
  link.onTrait("selected", () => {
    bars.mark(link.get("selected"));
    all.disabled = !link.get("selected");
  });
  link.onTrait("_features", drawFeatures);
  link.onTheme(() => {
    drawBars();
    drawFeatures();
  });
  target.replaceChildren(...link.get("classes").map((name) => h("option", { value: name, textContent: name })));
  drawBars();
  drawFeatures();
});

function showBars({ link, target, all, bars }) {
  target.value = link.get("target");
  const column = link.get("classes").indexOf(link.get("target"));
  const palette = PALETTES[link.theme];
  const parts = link.get("_parts");
  const most = Math.max(...parts.map((part) => part.shares[column])) || 1;
  bars.show(parts.map(({ name, kind, stage, shares }) => ({
    name,
    kind: kind.replaceAll(" ", "-"),
    text: percent(shares[column]),
    part: shares[column] / most,
    colour: palette[stage % palette.length],
    title: `${name}: ${percent(shares[column])} of the sum of absolute coefficients`,
  })));
  bars.mark(link.get("selected"));
  all.disabled = !link.get("selected");
}

function showFeatures({ link, title, features, foot }) {
  const [rows, selected, target] = ["_features", "selected", "target"].map((name) => link.get(name));
  const isOverall = target === link.get("classes")[0];
  const where = selected || "all layers";
  title.textContent = `Strongest features of ${where}${isOverall ? "" : `, for ${target}`}`;
  const most = Math.max(...rows.map((row) => Math.abs(row.coefficient))) || 1;
  features.show(rows.map((row) => ({
    name: isOverall ? `${row.name} · ${row.class}` : row.name,
    text: signed(row.coefficient),
    part: row.coefficient / most,
    colour: signColour(link, row.coefficient),
    title: `${row.name} of ${row.layer}: coefficient ${signed(row.coefficient)} for ${row.class}`,
  })), title.textContent);
  const part = link.get("_parts").find(({ name }) => name === selected);
  const share = part ? `${selected}: ${percent(part.shares[link.get("classes").indexOf(target)])}` : "all layers";
  foot.say(`${share} of what speaks for or against ${isOverall ? "all classes" : target}`);
}
