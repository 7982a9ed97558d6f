const REST = 300; // ms that the sliders stand still before a classifier is cross-validated
const ZONES = ["absent", "neutral", "present"];
const MEANINGS = ["-1, absent", "0", "+1, present"];

export default widget((link) => {
  const picture = h("div", { className: "sk-zones" });
  const sliders = h("div", { className: "sk-sliders" });
  const score = h("div", { className: "sk-score" });
  const best = h("button", { type: "button", textContent: "Best so far", title: "Go to the thresholds with the highest accuracy that were tried" });
  const body = h("tbody");
  const table = h("table", { className: "sk-shares" },
    h("thead", {}, h("tr", {}, ...["Layer", "−1", "0", "+1", ""].map((textContent) => h("th", { scope: "col", textContent })))), body);
  const scroller = ownKeys(h("div", { className: "sk-scroller", tabIndex: 0, role: "group", "aria-label": "Shares of -1, 0 and +1 a layer" }, table));
  const left = h("div", {}, picture, sliders, h("div", { className: "sk-buttons" }, score, best));
  const foot = frame(link, "Thresholds", h("div", { className: "sk-columns" }, left, scroller));
  const view = { link, picture, sliders, score, best, body, foot, wanted: null, isBusy: false, rest: 0 };
  view.lower = slider(view, "lower", "Lower threshold", (value) => `${text(value)}: below it, features are -1`);
  view.upper = slider(view, "upper", "Upper threshold", (value) => `${text(value)}: above it, features are +1`);
  link.on(best, "click", () => {
    const [lower, upper] = bestTried(view);
    move(view, { lower, upper });
  });
  link.onTrait("_n_answers", () => answered(view));
  link.onEnd(() => clearTimeout(view.rest));
  const drawAll = () => {
    if (!view.wanted) showThresholds(view);
    drawZones(view);
  };
  link.onTrait(["lower", "upper", "_edges", "_counts"], drawAll);
  link.onTrait("_shares", () => showShares(view));
  link.onTrait(["accuracy", "deviation", "_tried", "lower", "upper"], () => showScore(view));
  showThresholds(view);
  drawZones(view);
  showShares(view);
  showScore(view);
});

function text(value) {
  return String(Number(value.toFixed(4)));
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

// Where the sliders stand: Python hears of it when it has answered what it was told before.
function at(view) {
  return view.wanted ?? { lower: view.link.get("lower"), upper: view.link.get("upper") };
}

function slider(view, name, label, meaning) {
  const { link, sliders } = view;
  const range = ownKeys(h("input", { type: "range", step: "0.01", "aria-label": label }));
  const number = h("input", { type: "number", step: "0.01", "aria-label": `${label}, exact value` });
  sliders.append(h("div", { className: "sk-slider" }, h("span", { textContent: label }), range, number));
  // The other threshold is in the way.
  const take = (value) => {
    if (Number.isNaN(value)) return;
    const now = { ...at(view) };
    now[name] = name === "lower" ? Math.min(value, now.upper) : Math.max(value, now.lower);
    move(view, now);
  };
  link.on(range, "input", () => take(range.valueAsNumber));
  link.on(range, "keydown", (event) => {
    const step = { PageUp: 0.1, PageDown: -0.1 }[event.key];
    if (step === undefined) return;
    stop(event);
    take(Number((at(view)[name] + step).toFixed(4)));
  });
  // What is being typed is left alone.
  let isTyped = false;
  link.on(number, "input", () => {
    isTyped = true;
  });
  link.on(number, "change", () => {
    isTyped = false;
    take(number.valueAsNumber);
    showThresholds(view);
  });
  return (value, least, most) => {
    [range.min, range.max] = [least, most];
    range.value = value;
    range.setAttribute("aria-valuetext", meaning(value));
    if (!isTyped) number.value = text(value);
  };
}

function showThresholds(view) {
  const edges = view.link.get("_edges");
  const { lower, upper } = at(view);
  const [least, most] = [edges[0], edges.at(-1)];
  view.lower(lower, least, most);
  view.upper(upper, least, most);
}

function move(view, thresholds) {
  if (!view.link.isLive) return showThresholds(view);
  view.wanted = thresholds;
  showThresholds(view);
  drawZones(view);
  showScore(view);
  if (!view.isBusy) send(view);
}

function send(view) {
  clearTimeout(view.rest);
  view.isBusy = true;
  view.sent = view.wanted;
  view.isAsked = false;
  view.foot.forgive();
  view.link.ask("move", view.wanted);
}

// Python has done what it was told: the sliders may have moved on since.
function answered(view) {
  view.isBusy = false;
  if (view.wanted && view.wanted !== view.sent) return send(view);
  view.wanted = null;
  showThresholds(view);
  drawZones(view);
  showScore(view);
  if (view.link.get("accuracy") !== null || view.isAsked) return;
  view.isAsked = true; // once: what cannot be cross-validated is told, and not tried again
  view.rest = setTimeout(() => {
    view.isBusy = true;
    view.link.ask("judge");
  }, REST);
}

function bestTried(view) {
  const tried = view.link.get("_tried");
  return tried.reduce((most, one) => (one[2] > most[2] ? one : most), tried[0]);
}

function showScore(view) {
  const { link, score, best, foot } = view;
  const { lower, upper } = at(view);
  const [accuracy, deviation] = [link.get("accuracy"), link.get("deviation")];
  const isKnown = !view.wanted && accuracy !== null && accuracy !== undefined;
  score.textContent = isKnown ? `Accuracy ${accuracy.toFixed(3)} ± ${deviation.toFixed(3)}` : "Accuracy …";
  const tried = link.get("_tried");
  const most = tried.length ? bestTried(view) : null;
  best.disabled = !most || (most[0] === lower && most[1] === upper);
  best.textContent = most ? `Best so far: ${most[2].toFixed(3)} at ${text(most[0])}, ${text(most[1])}` : "Best so far";
  if (isKnown) foot.say(`Lower ${text(lower)}, upper ${text(upper)}: accuracy ${accuracy.toFixed(3)}, cross-validated; ${count(tried.length)} tried`);
  else foot.say("");
}

function showShares(view) {
  const rows = view.link.get("_shares");
  view.body.replaceChildren(...rows.map(([name, ...shares]) => h("tr", {},
    h("th", { scope: "row", textContent: name, title: name }),
    ...shares.map((share) => h("td", { textContent: percent(share) })),
    h("td", { "aria-hidden": "true", className: "sk-bar-cell" }, h("div", { className: "sk-three" },
      ...shares.map((share, k) => {
        const part = h("i", { className: `sk-${ZONES[k]}` });
        part.style.width = `${100 * share}%`;
        return part;
      }))))));
}

function drawZones(view) {
  const [edges, counts] = [view.link.get("_edges"), view.link.get("_counts")];
  const { lower, upper } = at(view);
  const [width, height, foot] = [480, 170, 22];
  const [least, most] = [edges[0], edges.at(-1)];
  const x = (value) => (width * (value - least)) / (most - least);
  const highest = Math.max(...counts, 1);
  const svg = (tag, attributes, content = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = content;
    return made;
  };
  const root = svg("svg", { viewBox: `0 0 ${width} ${height + foot}`, role: "img", "aria-label": `Histogram of standardised activations: below ${text(lower)} they become -1, above ${text(upper)} +1, and 0 between` });
  counts.forEach((n, k) => {
    const middle = (edges[k] + edges[k + 1]) / 2;
    const zone = middle < lower ? 0 : middle > upper ? 2 : 1;
    const size = (height * n) / highest;
    root.append(svg("rect", { x: x(edges[k]), y: height - size, width: x(edges[k + 1]) - x(edges[k]), height: size, class: `sk-${ZONES[zone]}` }));
  });
  for (const value of [lower, upper]) root.append(svg("line", { x1: x(value), x2: x(value), y1: 0, y2: height, class: "sk-threshold" }));
  root.append(svg("line", { x1: 0, x2: width, y1: height, y2: height, class: "sk-rule" }));
  for (let tick = Math.ceil(least); tick <= most; tick += 1) {
    const anchor = tick === least ? "start" : tick === most ? "end" : "middle";
    const label = tick === least ? `≤ ${tick}` : tick === most ? `≥ ${tick}` : tick;
    root.append(svg("text", { x: x(tick), y: height + 14, class: "sk-axis", "text-anchor": anchor }, label));
  }
  const legend = h("div", { className: "sk-zone-names" }, ...ZONES.map((zone, k) => h("span", {}, h("i", { className: `sk-${zone}` }), MEANINGS[k])));
  view.picture.replaceChildren(h("div", { className: "sk-title", textContent: "Standardised activations" }), root, legend);
}
