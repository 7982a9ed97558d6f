export default widget((link) => {
  const before = h("button", { type: "button", textContent: "‹", title: "The feature before (P)", "aria-label": "Previous feature", "aria-keyshortcuts": "P" });
  const after = h("button", { type: "button", textContent: "›", title: "The next feature (N)", "aria-label": "Next feature", "aria-keyshortcuts": "N" });
  const names = h("datalist", { id: `sk-names-${Math.random().toString(36).slice(2)}` });
  const search = h("input", { type: "search", "aria-label": "Feature: name or column", placeholder: "Name or column", autocomplete: "off", spellcheck: false });
  search.setAttribute("list", names.id);
  const layer = h("select", { "aria-label": "Layer" });
  const channel = h("input", { type: "number", min: 0, step: 1, "aria-label": "Channel", className: "sk-number" });
  const maps = h("button", { type: "button", textContent: "Maps", title: "Show where the feature is active (M)", "aria-keyshortcuts": "M", "aria-pressed": "true" });
  const tools = h("div", { className: "sk-tools" }, before, search, names, after, h("label", {}, "Layer ", layer), h("label", {}, "Channel ", channel), maps);
  const ends = ["highest", "lowest"].map((key) => featureEnd(link, key));
  const image = h("input", { type: "number", min: 0, max: link.get("_n")[0] - 1, step: 1, "aria-label": "Image", className: "sk-number", placeholder: "none" });
  const ofImage = h("div", { className: "sk-tools" }, h("label", {}, "Image ", image), h("span", { className: "sk-count", textContent: `0 to ${count(link.get("_n")[0] - 1)}; or click on one above` }));
  const why = h("div", { className: "sk-why", role: "group", "aria-label": "The image" });
  const columns = h("div", { className: "sk-columns sk-halves" }, ...ends.map((end) => end.root));
  const foot = frame(link, "Feature inspector", tools, columns, ofImage, why);
  const view = { link, before, after, names, search, layer, channel, maps, ends, image, why, foot, small: new Pictures(link), large: new Pictures(link, "pictures"), overlays: overlays(link) };
  connectChoice(view);
  connectMaps(view);
  for (const end of ends) link.on(end.grid, "click", (event) => chooseImage(view, event.target.closest("button")?.value));
  link.on(image, "change", () => chooseImage(view, image.value));
  const draw = () => showFeature(view);
  link.onTrait("_ends", draw);
  link.onTrait("_detail", () => showImage(view));
  link.onTheme(draw);
  draw();
});

function featureEnd(link, key) {
  const title = h("div", { className: "sk-title" });
  const grid = h("div", { className: "sk-grid sk-ends", role: "toolbar" });
  const bars = barList(link, "Classes");
  const ties = h("div", { className: "sk-hint" });
  const heading = h("div", { className: "sk-title" });
  return { key, title, grid, ties, heading, bars, arrange: roving(link, grid, "button"), root: h("div", { className: "sk-side" }, title, grid, ties, heading, bars.root) };
}

function choose(view, what, text) {
  view.foot.forgive();
  view.foot.say(text);
  view.link.ask("choose", what);
}

function chooseImage(view, value) {
  if (value === undefined) return;
  const i = value === "" ? -1 : Math.max(0, Math.min(view.link.get("_n")[0] - 1, Math.trunc(Number(value))));
  choose(view, { image: i }, i < 0 ? "No image." : `Looking into image ${i}…`);
}

function connectChoice(view) {
  const { link, before, after, search, names, layer, channel } = view;
  ownKeys(link.root);
  const step = (by) => choose(view, { step: by }, by > 0 ? "Next feature…" : "Previous feature…");
  link.on(before, "click", () => step(-1));
  link.on(after, "click", () => step(1));
  link.on(link.root, "keydown", (event) => {
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { n: () => step(1), p: () => step(-1), m: () => view.maps.click() }[event.key.toLowerCase()];
    if (!act) return;
    stop(event);
    act();
  });
  link.on(search, "input", () => link.ask("complete", { text: search.value }));
  link.on(search, "change", () => {
    if (search.value.trim()) choose(view, { name: search.value }, `Looking for ${search.value}…`);
    else search.value = link.get("_ends").feature;
  });
  link.onMessage("complete", ({ text, names: found }) => {
    if (text === search.value) names.replaceChildren(...found.map((name) => h("option", { value: name })));
  });
  const pick = () => {
    const option = layer.selectedOptions[0];
    const number = Math.max(0, Math.min(Number(option.dataset.n) - 1, Math.trunc(Number(channel.value)) || 0));
    choose(view, { layer: layer.value, channel: number }, option.dataset.runs ? `The images run through ${layer.value}…` : `${layer.value}, channel ${number}…`);
  };
  link.on(layer, "change", pick);
  link.on(channel, "change", pick);
  const groups = [[true, "Of the embedder"], [false, "Others of the network: the images run"]];
  for (const [isOwn, label] of groups) {
    const own = link.get("_layers").filter((one) => one[2] === isOwn);
    if (!own.length) continue;
    layer.append(h("optgroup", { label }, ...own.map(([name, n]) => {
      const option = h("option", { value: name, textContent: `${name} (${count(n)})` });
      option.dataset.n = n;
      if (!isOwn) option.dataset.runs = "yes";
      return option;
    })));
  }
}

// Maps of one feature: asked for when it has been looked at for a moment, and freed for the next.
function overlays(link) {
  let [feature, timer, urls, wanted] = ["", 0, new Map(), new Map()];
  const free = () => {
    clearTimeout(timer);
    for (const url of urls.values()) URL.revokeObjectURL(url);
    [urls, wanted] = [new Map(), new Map()];
  };
  link.onEnd(free);
  link.onMessage("maps", (content, buffers) => {
    if (content.feature !== feature) return;
    content.ids.forEach((i, k) => {
      if (buffers[k]?.byteLength) urls.set(i, URL.createObjectURL(new Blob([buffers[k]])));
      for (const show of wanted.get(i) ?? []) show(urls.get(i) ?? "", content.why);
      wanted.delete(i);
    });
  });
  return {
    start: (name) => {
      if (name === feature) return;
      free();
      feature = name;
    },
    // Calls back with the address of a picture, empty where there is none, and the reason.
    get: (i, show) => {
      if (urls.has(i)) return show(urls.get(i), "");
      wanted.set(i, [...(wanted.get(i) ?? []), show]);
      clearTimeout(timer);
      timer = setTimeout(() => link.ask("maps", { feature, ids: [...wanted.keys()] }), 200);
    },
  };
}

function connectMaps(view) {
  const { link, maps } = view;
  link.on(maps, "click", () => {
    maps.setAttribute("aria-pressed", String(maps.getAttribute("aria-pressed") !== "true"));
    showFeature(view);
  });
}

function showFeature(view) {
  const { link, search, layer, channel, ends, overlays: maps } = view;
  const found = link.get("_ends");
  maps.start(found.feature);
  if (document.activeElement !== search || view.shown !== found.feature) search.value = found.feature;
  view.shown = found.feature;
  layer.value = found.layer;
  if (layer.selectedIndex < 0) { // a stage, say, that Python chose
    const option = h("option", { value: found.layer, textContent: found.layer });
    option.dataset.n = found.n_channels;
    layer.append(option);
    layer.value = found.layer;
  }
  channel.value = found.channel;
  channel.max = found.n_channels - 1;
  for (const end of ends) showEnd(view, end, found);
  showImage(view);
}

function showEnd(view, { key, title, grid, ties, heading, bars, arrange }, found) {
  const { link, maps, overlays: overlaid, small } = view;
  const isMap = maps.getAttribute("aria-pressed") === "true";
  const [word, images] = [key === "highest" ? "Highest" : "Lowest", found[key]];
  title.textContent = `${word} ${found.feature}`;
  grid.setAttribute("aria-label", `Images with the ${key} ${found.feature}`);
  const held = grid.contains(document.activeElement) ? [...grid.children].indexOf(document.activeElement) : -1;
  grid.replaceChildren(...images.map(({ id, value, label }) => {
    const text = `Image ${id}${label ? `, ${label}` : ""}: ${value.toPrecision(3)}`;
    const picture = small.image(id, text, 80);
    const button = h("button", { type: "button", value: id, tabIndex: -1, title: text, "aria-label": text, "aria-pressed": "false" },
      picture, h("span", { className: "sk-caption", textContent: `${value.toPrecision(3)}${label ? ` ${label}` : ""}` }));
    if (isMap) overlaid.get(id, (url) => {
      if (!url) return;
      const map = h("img", { alt: `${text}, with the map of the feature`, src: url, width: 80, height: 80, className: "sk-overlaid" });
      button.firstChild.replaceWith(map);
    });
    return button;
  }));
  arrange();
  if (held >= 0) grid.children[Math.min(held, grid.children.length - 1)]?.focus();
  const nTies = found.ties[key];
  ties.hidden = !nTies;
  ties.textContent = `${count(nTies)} images share the value of the last that are counted; those that come first are taken.`;
  heading.hidden = bars.root.hidden = !found.classes;
  if (!found.classes) return;
  heading.textContent = `Classes of the ${count(found.n_counted)} ${key}`;
  bars.show(found.classes[key].map(([name, n, all]) => ({
    name,
    text: `${n} of ${all}`,
    part: n / found.n_counted,
    colour: signColour(link, key === "highest" ? 1 : -1),
    title: `${name}: ${n} of the ${found.n_counted} ${key}, and ${all} of all images`,
  })), heading.textContent);
}

function showImage(view) {
  const { link, why, foot, image, ends } = view;
  const [found, at] = [link.get("_ends"), link.get("_detail")];
  const column = found.column < 0 ? `channel ${found.channel} of ${found.layer}` : `column ${count(found.column)} of ${count(found.n_columns)}`;
  const current = at.image ?? -1;
  if (document.activeElement !== image) image.value = current < 0 ? "" : current;
  for (const { grid } of ends) for (const button of grid.children) button.setAttribute("aria-pressed", String(Number(button.value) === current));
  if (current < 0) {
    why.replaceChildren();
    return foot.say(`${found.feature}: ${column}`);
  }
  const [over, name] = [at.against ? `other images of ${at.against}` : "all other images", `Image ${current}${at.label ? `, ${at.label}` : ""}`];
  const value = Number.isFinite(at.value) ? at.value.toPrecision(3) : "unknown";
  const picture = h("figure", {}, h("div", { className: "sk-wait" }), h("figcaption", { textContent: name }));
  const map = h("figure", {}, h("div", { className: "sk-wait", textContent: "The network runs…" }), h("figcaption", { textContent: `${found.feature}: ${value}` }));
  why.setAttribute("aria-label", `${name}, against ${over}`);
  const keep = why.contains(document.activeElement) ? document.activeElement.value : null;
  const sides = [1, -1].map((side) => deviationsOf(view, at, side, over));
  why.replaceChildren(h("div", { className: "sk-why-parts" }, picture, map, ...sides));
  if (keep !== null) [...why.querySelectorAll("button")].find((button) => button.value === keep)?.focus();
  foot.say(`${found.feature}: ${column}; ${name}: ${value}`);
  view.large.get(current, ({ url }) => put(picture, url, name, "cannot be read"));
  view.overlays.get(current, (url, reason) => put(map, url, `${name}: where ${found.feature} is active`, reason || "no map"));
}

function put(figure, url, alt, otherwise) {
  if (url) figure.firstChild.replaceWith(h("img", { alt, src: url }));
  else figure.firstChild.replaceChildren(h("span", { className: "sk-hint", textContent: otherwise }));
}

function deviationsOf(view, at, side, over) {
  const { link } = view;
  const rows = at.features.filter((one) => one.difference * side > 0);
  if (side < 0) rows.reverse(); // the lowest first
  const text = `${side > 0 ? "Above" : "Below"} ${over}`;
  const bars = barList(link, text, (name) => choose(view, { name }, `Looking for ${name}…`));
  const most = Math.max(...at.features.map((one) => Math.abs(one.difference))) || 1;
  bars.show(rows.map((one) => ({
    name: one.name,
    text: signed(one.difference),
    part: Math.abs(one.difference) / most,
    colour: signColour(link, side),
    title: `${one.name} of ${one.layer}: ${one.value.toPrecision(3)}, ${signed(one.standardized)} standard deviations from the mean of all; ${signed(one.difference)} from the mean of the ${over}`,
  })));
  bars.mark(link.get("_ends").feature);
  return h("div", { className: "sk-side" }, h("div", { className: "sk-title", textContent: `${text}, in standard deviations` }), bars.root);
}
