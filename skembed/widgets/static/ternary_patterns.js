export default widget((link) => {
  const sign = h("select", { "aria-label": "What is counted" },
    h("option", { value: "present", textContent: "present (+1)" }), h("option", { value: "absent", textContent: "absent (−1)" }));
  const name = h("select", { "aria-label": "Class" });
  const all = h("button", { type: "button", textContent: "All layers", title: "Show features of all layers" });
  const tools = h("div", { className: "sk-tools" }, h("label", {}, "Share of features ", sign), h("label", {}, "Class ", name), all);
  const map = heatMap(link, "Classes in rows, layers in columns", (r, c) => link.set("cell", [link.get("classes")[r], link.get("layers")[c]]));
  map.root.classList.add("sk-dense");
  const ends = [1, -1].map((side) => {
    const title = h("div", { className: "sk-title" });
    const bars = barList(link, "Features");
    return { side, title, bars, root: h("div", { className: "sk-side" }, title, bars.root) };
  });
  const foot = frame(link, "Ternary patterns", tools, map.root, h("div", { className: "sk-columns sk-halves" }, ...ends.map((end) => end.root)));
  const view = { link, sign, name, all, map, ends, foot };
  link.on(sign, "change", () => link.set("sign", sign.value));
  link.on(name, "change", () => link.set("cell", [name.value, link.get("cell")[1]]));
  link.on(all, "click", () => link.set("cell", [link.get("cell")[0], ""]));
  name.replaceChildren(...link.get("classes").map((text) => h("option", { value: text, textContent: text })));
  const drawAll = () => {
    drawHeat(view);
    showEnds(view);
  };
  link.onTrait("sign", () => drawHeat(view));
  link.onTrait("cell", () => markPattern(view));
  link.onTrait("_features", () => showEnds(view));
  link.onTheme(drawAll);
  drawAll();
});

function drawHeat(view) {
  const { link, sign, map } = view;
  const [rows, columns, shares, shown] = ["classes", "layers", "_shares", "sign"].map((name) => link.get(name));
  const palette = PALETTES[link.theme];
  const most = Math.max(...Object.values(shares).flat(2)) || 1; // one scale for both
  sign.value = shown;
  map.show({
    rows,
    columns,
    corner: "",
    cell: (r, c) => ({
      share: shares[shown][r][c] / most,
      title: `${rows[r]}, ${columns[c]}: ${percent(shares.present[r][c])} present, ${percent(shares.absent[r][c])} absent`,
      colour: palette[shown === "present" ? 1 : 0],
    }),
  });
  markPattern(view);
}

function markPattern({ link, map, name, all }) {
  const [of, layer] = link.get("cell");
  map.mark(link.get("classes").indexOf(of), link.get("layers").indexOf(layer));
  name.value = of;
  all.disabled = !layer;
}

function showEnds({ link, ends, foot }) {
  const [of, layer] = link.get("cell");
  const where = layer || "all layers";
  for (const { side, title, bars } of ends) {
    const rows = link.get("_features").filter((one) => one.difference * side > 0);
    if (side < 0) rows.reverse(); // the most absent first
    title.textContent = side > 0 ? `Most present in ${of}, of ${where}` : `Most absent from ${of}, of ${where}`;
    bars.show(rows.map((one) => ({
      name: one.name,
      text: signed(one.difference),
      part: Math.abs(one.difference) / 2,
      colour: signColour(link, side),
      title: `${one.name} of ${one.layer}: present in ${percent(one.presence)} of the images, absent from ${percent(one.absence)}`,
    })), title.textContent);
  }
  const row = link.get("classes").indexOf(of);
  const column = link.get("layers").indexOf(layer);
  const { present, absent } = link.get("_shares");
  const shares = column < 0 ? "" : `: ${percent(present[row][column])} of the features present, ${percent(absent[row][column])} absent`;
  foot.say(`${of}, ${where}${shares}`);
}
