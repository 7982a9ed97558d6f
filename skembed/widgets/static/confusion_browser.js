const FIRST = 60; // thumbnails of a cell that are shown at once

export default widget((link) => {
  const pairs = h("select", { "aria-label": "Confused pairs" });
  const matrix = heatMap(link, "Confusion matrix: true classes in rows, predicted in columns", (r, c) => {
    const names = link.get("classes");
    link.set("cell", [names[r], names[c]]);
  });
  const title = h("div", { className: "sk-title" });
  const grid = h("div", { className: "sk-grid sk-selection", role: "toolbar", "aria-label": "Images of the cell" });
  const more = h("button", { type: "button", hidden: true, textContent: "Show more" });
  const why = h("div", { className: "sk-why", role: "group", "aria-label": "Why this image" });
  const side = h("div", { className: "sk-side" }, title, grid, more);
  const tools = h("div", { className: "sk-tools" }, h("label", {}, "Most often ", pairs));
  const foot = frame(link, "Confusion browser", tools, h("div", { className: "sk-columns" }, matrix.root, side), why);
  const view = {
    link, pairs, matrix, title, grid, more, why, foot, limit: FIRST,
    small: new Pictures(link), large: new Pictures(link, "pictures"), maps: new Pictures(link, "maps"),
  };
  connectMatrix(view);
  connectImages(view);
  const explain = () => showWhy(view);
  link.onTrait("_detail", explain);
  link.onTheme(() => {
    view.drawMatrix();
    explain();
  });
  explain();
});

function connectMatrix(view) {
  const { link, matrix, pairs } = view;
  view.drawMatrix = () => {
    const [names, counts] = [link.get("classes"), link.get("_matrix")];
    const palette = PALETTES[link.theme];
    const sums = counts.map((row) => row.reduce((sum, one) => sum + one, 0) || 1);
    matrix.show({
      rows: names,
      columns: names,
      corner: "true \\ predicted",
      cell: (r, c) => ({
        share: counts[r][c] / sums[r],
        text: counts[r][c] || "",
        title: r === c ? `${names[r]}, rightly predicted: ${counts[r][c]}` : `${names[r]}, taken for ${names[c]}: ${counts[r][c]}`,
        colour: palette[r === c ? 0 : 1],
      }),
    });
    markCell();
  };
  const markCell = () => {
    const [names, [of, as]] = [link.get("classes"), link.get("cell")];
    matrix.mark(names.indexOf(of), names.indexOf(as));
    pairs.value = JSON.stringify([of, as]);
  };
  const list = () => {
    const options = link.get("_pairs").map(([of, as, times]) => h("option", { value: JSON.stringify([of, as]), textContent: `${of}, taken for ${as} (${times})` }));
    pairs.replaceChildren(...options);
    pairs.disabled = !options.length;
  };
  link.on(pairs, "change", () => link.set("cell", JSON.parse(pairs.value)));
  link.onTrait("cell", markCell);
  list();
  view.drawMatrix();
}

function connectImages(view) {
  const { link, grid, more, title } = view;
  const arrange = roving(link, grid, "button");
  const draw = () => {
    const [shown, [of, as]] = [link.get("shown"), link.get("cell")];
    title.textContent = of === as ? `${of}, rightly predicted: ${count(shown.length)}` : `${of}, taken for ${as}: ${count(shown.length)}`;
    grid.replaceChildren(...shown.slice(0, view.limit).map((i) => {
      const button = h("button", { type: "button", value: i, tabIndex: -1, "aria-label": `Image ${i}`, title: `Image ${i}`, "aria-pressed": "false" });
      button.append(view.small.image(i, `Image ${i}`, 56));
      return button;
    }));
    more.hidden = shown.length <= view.limit;
    arrange();
    mark();
  };
  const mark = () => {
    for (const button of grid.children) button.setAttribute("aria-pressed", String(Number(button.value) === link.get("current")));
  };
  link.on(more, "click", () => {
    view.limit += FIRST;
    draw();
  });
  link.on(grid, "click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    view.foot.forgive();
    view.foot.say(`Looking into image ${button.value}…`);
    link.set("current", Number(button.value));
  });
  link.onTrait("shown", () => {
    view.limit = FIRST;
    draw();
  });
  link.onTrait("current", mark);
  draw();
}

function showWhy(view) {
  const { link, why, foot } = view;
  const found = link.get("_detail");
  const [n, wrong, nClasses] = link.get("_n");
  const cut = link.get("classes").length < nClasses ? ` · the ${link.get("classes").length} of ${nClasses} classes in most errors` : "";
  if (found.image === undefined) {
    why.replaceChildren(h("div", { className: "sk-hint", textContent: "Choose an image to see what decided." }));
    return foot.say(`${count(wrong)} of ${count(n)} wrong, accuracy ${(1 - wrong / Math.max(1, n)).toFixed(3)}${cut}`);
  }
  const over = found.against ? ` rather than ${found.against}` : "";
  const heading = `Image ${found.image}: why ${found.predicted}${over}`;
  const map = h("figure", {}, h("div", { className: "sk-wait", textContent: "The network runs…" }), h("figcaption", { textContent: "Where: red for, blue against" }));
  const picture = h("figure", {}, h("div", { className: "sk-wait" }), h("figcaption", { textContent: `Image ${found.image}: ${found.true}` }));
  why.replaceChildren(
    h("div", { className: "sk-title", textContent: heading }),
    h("div", { className: "sk-why-parts" }, picture, map, featuresOf(view, found, heading), neighboursOf(view, found)),
  );
  why.setAttribute("aria-label", heading);
  foot.say(`${heading}; the decision is ${signed(found.decision)}`);
  fill(view.large, found.image, picture, `Image ${found.image}`, "cannot be read");
  fill(view.maps, found.image, map, `What speaks for ${found.predicted}${over}, by place`, "no map");
}

function fill(pictures, i, figure, alt, otherwise) {
  pictures.get(i, ({ url, name }) => {
    if (!url) return figure.firstChild.replaceChildren(h("span", { className: "sk-hint", textContent: name || otherwise }));
    figure.firstChild.replaceWith(h("img", { alt, src: url }));
    if (name) figure.title = name;
  });
}

function featuresOf({ link }, found, heading) {
  const bars = barList(link, `${heading}: coefficient × value`);
  const most = Math.max(...found.features.map((one) => Math.abs(one.contribution))) || 1;
  bars.show(found.features.map((one) => ({
    name: one.name,
    text: signed(one.contribution),
    part: one.contribution / most,
    colour: signColour(link, one.contribution),
    title: `${one.name} of ${one.layer}: ${one.coefficient.toPrecision(3)} × ${one.value.toPrecision(3)} = ${signed(one.contribution)}`,
  })));
  return h("div", { className: "sk-side" }, h("div", { className: "sk-title", textContent: "Coefficient × value" }), bars.root);
}

function neighboursOf(view, found) {
  const text = found.are_training ? "Most like it in training" : "Most like it of these images";
  const grid = h("div", { className: "sk-grid sk-recent", role: "list", "aria-label": text }, ...found.neighbors.map(({ id, label }) =>
    h("div", { role: "listitem", className: "sk-neighbour", title: label },
      view.small.image(id, label, 64), h("span", { className: "sk-caption", textContent: label }))));
  return h("div", { className: "sk-side" }, h("div", { className: "sk-title", textContent: text }), grid);
}
