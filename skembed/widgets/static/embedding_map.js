const GRID = 120; // thumbnails of the selection that are shown at once
const REST = 80; // milliseconds for which the pointer rests before Python hears of it
const HINT =
  "Arrow keys go from point to point. Enter takes a point into the selection or out of it, A selects all, " +
  "N the neighbours, Escape nothing. Plus and minus zoom, Shift and arrows move the map, 0 shows all of it. " +
  "L lasso, R rectangle, P pan.";

export default widget((link) => {
  const stage = stageOf(link);
  const side = sideOf(link);
  const tools = toolsOf(link, stage.cloud);
  const legend = h("div", { className: "sk-legend", role: "toolbar", "aria-label": "Classes" });
  const foot = frame(
    link,
    "Embedding map",
    tools.root,
    h("div", { className: "sk-columns" }, h("div", { className: "sk-main" }, stage.root, legend), side.root),
  );
  const view = { link, stage, side, tools, legend, foot, focus: -1, pictures: new Pictures(link) };
  connect(view);
});

function stageOf(link) {
  const base = h("canvas", { "aria-hidden": "true" });
  const hint = h("span", { className: "sk-hidden", id: `sk-hint-${crypto.randomUUID?.() ?? Math.random()}`, textContent: HINT });
  const above = ownKeys(h("canvas", {
    className: "sk-map",
    tabIndex: 0,
    role: "application",
    "aria-label": "Map of the images",
    "aria-describedby": hint.id,
  }));
  const tip = h("div", { className: "sk-tip", hidden: true });
  const root = h("div", { className: "sk-stage" }, base, above, tip, hint);
  return { root, above, tip, cloud: new PointCloud(base, above), tool: "lasso" };
}

function sideOf() {
  const label = h("input", { type: "text", placeholder: "Label the selection", "aria-label": "Label of the selection" });
  const apply = h("button", { type: "submit", textContent: "Label" });
  const form = h("form", { className: "sk-form" }, label, apply);
  const neighbours = h("div", { className: "sk-grid sk-neighbours", role: "toolbar", "aria-label": "Nearest neighbours in feature space" });
  const grid = h("div", { className: "sk-grid sk-selection", role: "toolbar", "aria-label": "Selected images" });
  const more = h("button", { type: "button", hidden: true });
  const space = h("div", { className: "sk-title", textContent: "Nearest in feature space" });
  const root = h("div", { className: "sk-side" }, space, neighbours, h("div", { className: "sk-title", textContent: "Selection" }), form, grid, more);
  return { root, form, label, apply, neighbours, grid, more, limit: GRID };
}

function toolsOf(link, cloud) {
  const button = (name, title, text) => h("button", { type: "button", title, textContent: text, "aria-pressed": "false", value: name });
  const modes = [
    button("lasso", "Draw around points (L)", "Lasso"),
    button("rectangle", "Draw a rectangle (R)", "Rectangle"),
    button("pan", "Move the map (P)", "Pan"),
  ];
  const act = (text, title, action) => {
    const made = h("button", { type: "button", title, textContent: text, "aria-label": title });
    link.on(made, "click", action);
    return made;
  };
  const zooms = [
    act("+", "Zoom in", () => cloud.zoomBy(1.5)),
    act("−", "Zoom out", () => cloud.zoomBy(1 / 1.5)),
    act("All", "Show the whole map", () => cloud.home()),
  ];
  const search = h("input", { type: "search", placeholder: "Search labels and names", "aria-label": "Search labels and file names" });
  const layer = h("select", { "aria-label": "Layer" });
  const buttons = h("div", { className: "sk-buttons", role: "toolbar", "aria-label": "Tools of the map" }, ...modes, ...zooms);
  roving(link, buttons, "button")();
  return { root: h("div", { className: "sk-tools" }, buttons, layer, search), modes, search, layer };
}

function connect(view) {
  const { link } = view;
  connectData(view);
  connectSelection(view);
  connectFocus(view);
  connectTools(view);
  connectPointer(view);
  connectKeys(view);
  const fit = () => {
    const width = Math.max(100, view.stage.root.clientWidth);
    view.stage.cloud.resize(width, Math.min(link.get("height"), Math.max(260, width)));
  };
  const observer = new ResizeObserver(fit);
  observer.observe(view.stage.root);
  link.onEnd(() => observer.disconnect());
  fit();
}

function connectData(view) {
  const { link, stage, legend } = view;
  const { cloud } = stage;
  const classes = () => link.get("classes");
  const nameOf = (code) => classes()[code - 1] ?? "no label";
  view.labelOf = (i) => nameOf(view.codes[i]);
  const arrange = roving(link, legend, "button");
  const colour = () => {
    const palette = PALETTES[link.theme];
    view.palette = [GREY[link.theme], ...classes().map((_, k) => palette[k % palette.length])];
    view.codes = typed(link.get("_codes"), Uint16Array);
    hide();
    cloud.setColours(view.codes, view.palette);
    listClasses();
  };
  const listClasses = () => {
    const counts = new Array(classes().length + 1).fill(0);
    for (const code of view.codes) counts[code]++;
    const named = [...classes().map((name, k) => [name, k + 1]), ["no label", 0]];
    const shown = classes().length ? named.filter(([, code]) => counts[code]) : [];
    legend.replaceChildren(...shown.map(([name, code]) => {
      const dot = h("i");
      dot.style.background = view.palette[code];
      return h("button", {
        type: "button", value: code, tabIndex: -1,
        title: "Click: show or hide. Double click: show this class alone.",
        "aria-pressed": String(!cloud.hidden.has(code)),
      }, dot, name, h("span", { className: "sk-count", textContent: count(counts[code]) }));
    }));
    legend.querySelector("button")?.setAttribute("tabindex", "0");
    arrange();
  };
  // By name: the codes of classes change as labels come.
  const hide = () => {
    const names = new Set(link.get("hidden"));
    cloud.hidden = new Set([...classes().keys(), classes().length].filter((code) => names.has(nameOf(code))));
  };
  const toggle = () => {
    hide();
    for (const button of legend.children) button.setAttribute("aria-pressed", String(!cloud.hidden.has(Number(button.value))));
    cloud.draw();
  };
  const choose = (codes) => {
    link.set("hidden", codes.map(nameOf));
    toggle();
  };
  link.on(legend, "click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const code = Number(button.value);
    const others = [...cloud.hidden].filter((other) => other !== code);
    choose(cloud.hidden.has(code) ? others : [...others, code]);
  });
  link.on(legend, "dblclick", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const others = [...legend.children].map((other) => Number(other.value)).filter((code) => code !== Number(button.value));
    const isAlone = others.every((code) => cloud.hidden.has(code));
    choose(isAlone ? [] : others);
  });
  link.onTrait("hidden", toggle);
  link.onTrait(["_codes", "classes"], () => {
    view.foot.forgive();
    colour();
    view.showSelection?.();
    view.showFocus?.();
  });
  link.onTheme(() => {
    colour();
    view.showSelection();
    view.showFocus();
  });
  view.codes = typed(link.get("_codes"), Uint16Array);
  cloud.setPoints(typed(link.get("_points"), Float32Array));
  link.onTrait("_points", () => cloud.setPoints(typed(link.get("_points"), Float32Array)));
  colour();
}

function thumbnail(view, i, side) {
  const label = view.codes.length ? view.labelOf(i) : "";
  const text = `${i}, ${label}`;
  const button = h("button", { type: "button", value: i, tabIndex: -1, title: text, "aria-label": text });
  button.style.borderColor = view.palette[view.codes[i]];
  button.append(view.link.get("_has_images") ? view.pictures.image(i, "", side) : h("span", { className: "sk-nopicture", textContent: text }));
  return button;
}


function connectSelection(view) {
  const { link, stage, side } = view;
  const arrange = roving(link, side.grid, "button");
  const datalist = h("datalist", { id: `sk-classes-${Math.random()}` });
  side.form.append(datalist);
  side.label.setAttribute("list", datalist.id);
  view.selection = [];
  view.setSelection = (ids) => {
    view.selection = Array.from(ids);
    link.set("selected", bytes(Uint32Array.from(ids)));
    view.showSelection();
  };
  view.showSelection = () => {
    stage.cloud.select(view.selection);
    const shown = view.selection.slice(0, side.limit);
    side.grid.replaceChildren(...shown.map((i) => thumbnail(view, i, 48)));
    arrange();
    side.more.hidden = view.selection.length <= side.limit;
    side.more.textContent = `Show ${Math.min(GRID, view.selection.length - side.limit)} more`;
    side.apply.disabled = side.label.disabled = !view.selection.length;
    datalist.replaceChildren(...link.get("classes").map((name) => h("option", { value: name })));
    view.say();
  };
  view.say = () => {
    const { focus } = view;
    const parts = [`${count(view.selection.length)} of ${count(stage.cloud.n)} selected`];
    if (focus >= 0) parts.push(`image ${focus}: ${view.labelOf(focus)}`);
    view.foot.say(parts.join(" · "));
  };
  link.onTrait("selected", () => {
    view.selection = Array.from(typed(link.get("selected"), Uint32Array));
    side.limit = GRID;
    view.showSelection();
  });
  link.on(side.more, "click", () => {
    side.limit += GRID;
    view.showSelection();
  });
  link.on(side.form, "submit", (event) => {
    event.preventDefault();
    if (side.label.value.trim() && view.selection.length) link.ask("label", { name: side.label.value.trim() });
    side.label.value = "";
  });
  for (const grid of [side.grid, side.neighbours]) {
    link.on(grid, "click", (event) => {
      const button = event.target.closest("button");
      if (button) view.look(Number(button.value));
    });
  }
  view.selection = Array.from(typed(link.get("selected"), Uint32Array));
  view.showSelection();
}

function connectFocus(view) {
  const { link, stage, side } = view;
  const { cloud, tip } = stage;
  const arrange = roving(link, side.neighbours, "button");
  let timer = 0;
  view.look = (i) => {
    if (i === view.focus) return;
    view.focus = i;
    clearTimeout(timer);
    timer = setTimeout(() => link.set("current", view.focus), REST);
    view.neighbours = [];
    view.showFocus();
  };
  view.neighbours = [];
  view.drawAbove = () => {
    const colour = getComputedStyle(link.root).color;
    cloud.drawAbove({ focus: view.focus, neighbours: view.neighbours, polygon: stage.polygon, colour });
    place(stage, view.focus);
  };
  view.showFocus = () => {
    view.drawAbove();
    fillTip(view);
    view.say();
  };
  link.onTrait("neighbors", () => {
    const known = link.get("neighbors");
    view.neighbours = link.get("current") === view.focus ? known : [];
    if (known.length) side.neighbours.replaceChildren(...known.map((i) => thumbnail(view, i, 48)));
    else side.neighbours.replaceChildren();
    arrange();
    view.drawAbove();
  });
  link.onTrait("current", () => {
    if (link.get("current") === view.focus) return;
    clearTimeout(timer);
    view.focus = link.get("current");
    view.showFocus();
  });
  cloud.onPaint = () => {
    link.root.dataset.paint = cloud.milliseconds.toFixed(1);
    view.drawAbove();
  };
  view.focus = link.get("current");
  view.showFocus();
}

function fillTip(view) {
  const { stage, focus } = view;
  const { tip } = stage;
  tip.hidden = focus < 0 || focus >= stage.cloud.n;
  if (tip.hidden) return;
  const caption = h("div", { textContent: view.labelOf(focus) });
  tip.replaceChildren(caption);
  tip.style.borderColor = view.palette[view.codes[focus]];
  if (!view.link.get("_has_images")) return;
  view.pictures.get(focus, ({ url, name }) => {
    if (view.focus !== focus) return;
    if (url) {
      const image = h("img", { alt: "", src: url });
      image.addEventListener("load", () => {
        image.classList.toggle("sk-pixels", image.naturalWidth <= 48);
        place(stage, focus);
      }, { once: true });
      tip.prepend(image);
    }
    if (name) tip.append(h("div", { className: "sk-name", textContent: name.split(/[\\/]/).pop() }));
    place(stage, focus);
  });
}

// The picture stands beside its point, inside the map.
function place({ tip, cloud }, focus) {
  if (tip.hidden) return;
  const [x, y] = [cloud.x(focus), cloud.y(focus)];
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + 14 + width < cloud.width ? x + 14 : x - 14 - width;
  tip.style.left = `${Math.max(2, Math.min(cloud.width - width - 2, left))}px`;
  tip.style.top = `${Math.max(2, Math.min(cloud.height - height - 2, y - height - 10))}px`;
}

function connectTools(view) {
  const { link, stage, tools } = view;
  view.setTool = (name) => {
    stage.tool = name;
    stage.above.dataset.tool = name;
    for (const button of tools.modes) button.setAttribute("aria-pressed", String(button.value === name));
  };
  for (const button of tools.modes) link.on(button, "click", () => view.setTool(button.value));
  view.setTool("lasso");
  link.on(tools.search, "keydown", (event) => {
    if (event.key === "Enter") link.ask("search", { text: tools.search.value });
  });
  const list = () => {
    const layers = link.get("layers");
    tools.layer.replaceChildren(...layers.map((name) => h("option", { value: name, textContent: name })));
    tools.layer.value = link.get("layer");
    tools.layer.hidden = layers.length < 2;
  };
  list();
  link.onTrait(["layers", "layer"], list);
  link.on(tools.layer, "change", () => link.set("layer", tools.layer.value));
}

function connectPointer(view) {
  const { link, stage } = view;
  const { above, cloud } = stage;
  const at = (event) => {
    const box = above.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let start = null;
  let last = null;
  let isAsked = false;
  link.on(above, "pointerdown", (event) => {
    above.focus({ preventScroll: true });
    above.setPointerCapture(event.pointerId);
    start = last = at(event);
    stage.polygon = stage.tool === "pan" ? null : [start];
  });
  link.on(above, "pointermove", (event) => {
    const now = at(event);
    if (start && stage.tool === "pan") cloud.pan(now[0] - last[0], now[1] - last[1]);
    else if (start) {
      if (stage.tool === "lasso") stage.polygon.push(now);
      else stage.polygon = [start, [now[0], start[1]], now, [start[0], now[1]]];
    }
    last = now;
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      if (!start) view.look(cloud.nearest(...last));
      else view.drawAbove();
    });
  });
  link.on(above, "pointerup", (event) => {
    if (!start) return;
    const [from, to, polygon] = [start, at(event), stage.polygon];
    start = null;
    stage.polygon = null;
    const isClick = Math.hypot(to[0] - from[0], to[1] - from[1]) < 4 && (polygon?.length ?? 0) < 6;
    if (isClick) pick(view, cloud.nearest(...to), event);
    else if (stage.tool !== "pan") combine(view, cloud.inside(polygon), event);
    view.drawAbove();
  });
  link.on(above, "pointercancel", () => {
    start = null;
    stage.polygon = null;
    view.drawAbove();
  });
  link.on(above, "pointerleave", () => {
    if (!start) view.look(-1);
  });
  link.on(above, "dblclick", () => {
    if (stage.tool === "pan") cloud.home();
  });
  // The wheel scrolls the notebook until the map has been clicked on.
  link.on(above, "wheel", (event) => {
    if (document.activeElement !== above && !event.ctrlKey) return;
    stop(event);
    cloud.zoomBy(Math.exp(-Math.max(-120, Math.min(120, event.deltaY)) / 300), ...at(event));
  }, { passive: false });
}

function pick(view, i, event) {
  if (i < 0) return;
  const isMore = event.shiftKey || event.ctrlKey || event.metaKey;
  const chosen = new Set(isMore ? view.selection : []);
  if (isMore && chosen.has(i)) chosen.delete(i);
  else chosen.add(i);
  view.setSelection(chosen);
}

// With Shift points are added, with Alt they are taken away.
function combine(view, ids, event) {
  if (event.altKey) {
    const gone = new Set(ids);
    view.setSelection(view.selection.filter((i) => !gone.has(i)));
  } else view.setSelection(event.shiftKey ? new Set([...view.selection, ...ids]) : ids);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function connectKeys(view) {
  const { link, stage } = view;
  const { cloud, above } = stage;
  const go = ([dx, dy]) => {
    const next = view.focus < 0 ? cloud.nearest(cloud.width / 2, cloud.height / 2, 1e9) : cloud.next(view.focus, dx, dy);
    if (next >= 0) view.look(next);
  };
  const toggle = () => {
    if (view.focus < 0) return;
    pick(view, view.focus, { shiftKey: true });
  };
  const actions = {
    Enter: toggle,
    " ": toggle,
    Escape: () => view.setSelection([]),
    a: () => view.setSelection(cloud.shown()),
    n: () => view.focus >= 0 && view.setSelection(new Set([view.focus, ...view.neighbours])),
    l: () => view.setTool("lasso"),
    r: () => view.setTool("rectangle"),
    p: () => view.setTool("pan"),
    "+": () => cloud.zoomBy(1.5),
    "=": () => cloud.zoomBy(1.5),
    "-": () => cloud.zoomBy(1 / 1.5),
    0: () => cloud.home(),
  };
  link.on(above, "keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow && event.shiftKey) cloud.pan(-40 * arrow[0], -40 * arrow[1]);
    else if (arrow) go(arrow);
    else if (actions[event.key.length === 1 ? event.key.toLowerCase() : event.key] && !((event.ctrlKey || event.metaKey) && event.key !== "a")) {
      actions[event.key.length === 1 ? event.key.toLowerCase() : event.key]();
    } else return;
    stop(event);
  });
}
