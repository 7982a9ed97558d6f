const KEYS =
  "Keys 1 to 9 give the class of that number, Enter takes the guess, N goes to the field for a new class, " +
  "S leaves the image for later, U takes the last label back.";

export default widget((link) => {
  const stage = ownKeys(h("div", { className: "sk-label-stage", tabIndex: 0, role: "application", "aria-label": "Image to be labelled" }));
  const hint = h("div", { className: "sk-hint", textContent: KEYS });
  const guess = h("div", { className: "sk-guess" });
  const classes = h("div", { className: "sk-classes", role: "toolbar", "aria-label": "Classes" });
  const name = h("input", { type: "text", placeholder: "New class", "aria-label": "Name of a new class" });
  const add = h("button", { type: "submit", textContent: "Label" });
  const form = h("form", { className: "sk-form" }, name, add);
  const undo = h("button", { type: "button", textContent: "Undo", title: "Take the last label back (U)" });
  const later = h("button", { type: "button", textContent: "Later", title: "Leave this image for later (S)" });
  const strategy = h("select", { "aria-label": "Which images come first" });
  const curve = h("div", { className: "sk-curve" });
  const recent = h("div", { className: "sk-grid sk-recent", role: "toolbar", "aria-label": "Labelled last; click to label again" });
  const side = h("div", { className: "sk-side" }, guess, classes, form,
    h("div", { className: "sk-buttons" }, undo, later, strategy), curve, h("div", { className: "sk-title", textContent: "Labelled last" }), recent);
  const foot = frame(link, "Labeller", h("div", { className: "sk-columns" }, h("div", {}, stage, hint), side));
  const view = { link, stage, guess, classes, name, recent, curve, foot, strategy, undo, shown: -1, turn: link.get("_turn"), given: new Set(), pictures: new Pictures(link, "pictures"), small: new Pictures(link) };
  connectLabels(view);
  link.on(form, "submit", (event) => {
    event.preventDefault();
    if (name.value.trim()) view.give(name.value.trim());
    name.value = "";
    stage.focus();
  });
  link.on(undo, "click", () => view.takeBack());
  link.on(later, "click", () => view.leave());
  connectLabelKeys(view);
});

function connectLabels(view) {
  const { link, classes, recent, strategy } = view;
  const arrangeClasses = roving(link, classes, "button");
  const arrangeRecent = roving(link, recent, "button");
  // What was labelled a moment ago may stand in the queue until Python has heard of it.
  view.next = () => link.get("_queue").find((i) => !view.given.has(i)) ?? -1;
  view.give = (name) => {
    if (view.shown < 0 || !link.isLive) return;
    const id = view.shown;
    view.given.add(id);
    show(view, view.next());
    link.ask("label", { id, name, showing: view.shown < 0 ? null : view.shown });
  };
  view.takeBack = () => {
    view.given.clear();
    link.ask("undo");
  };
  view.leave = () => {
    if (view.shown < 0) return;
    link.ask("later", { id: view.shown });
  };
  const refresh = () => {
    const queue = link.get("_queue");
    for (const i of [...view.given]) if (!queue.includes(i)) view.given.delete(i);
    // The queue of an earlier label may arrive after a key was pressed, so Python says when to leave an image.
    const leaves = link.get("_turn") !== view.turn;
    view.turn = link.get("_turn");
    if (leaves || view.shown < 0 || !queue.includes(view.shown)) show(view, view.next());
    for (const i of queue.slice(0, 4)) view.pictures.get(i, () => {});
    const guess = link.get("_guesses")[queue.indexOf(view.shown)];
    view.guess.textContent = guess ? `Guess: ${guess}` : "";
    say(view);
  };
  const list = () => {
    const counts = link.get("_counts");
    classes.replaceChildren(...link.get("classes").map((text, k) => h("button", { type: "button", value: text, tabIndex: -1 },
      h("kbd", { textContent: k < 9 ? k + 1 : "" }), text, h("span", { className: "sk-count", textContent: count(counts[k] ?? 0) }))));
    arrangeClasses();
  };
  const history = () => {
    recent.replaceChildren(...link.get("_recent").map(([i, text]) => {
      const button = h("button", { type: "button", value: i, tabIndex: -1, title: text, "aria-label": `${i}, ${text}` });
      button.append(view.small.image(i, "", 40), h("span", { className: "sk-caption", textContent: text }));
      return button;
    }));
    view.undo.disabled = !link.get("_recent").length;
    arrangeRecent();
  };
  link.on(classes, "click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    view.give(button.value);
    view.stage.focus();
  });
  link.on(recent, "click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    show(view, Number(button.value));
    view.stage.focus();
  });
  const choices = () => {
    strategy.replaceChildren(...link.get("_strategies").map((text) => h("option", { value: text, textContent: `${text} first` })));
    strategy.value = link.get("strategy");
  };
  choices();
  link.onTrait("strategy", choices);
  link.on(strategy, "change", () => link.set("strategy", strategy.value));
  link.onTrait(["_queue", "_guesses", "_turn"], refresh);
  link.onTrait(["classes", "_counts"], list);
  link.onTrait("_recent", history);
  link.onTrait(["history", "accuracy"], () => {
    drawCurve(view);
    say(view);
  });
  list();
  history();
  refresh();
  drawCurve(view);
}

function show(view, i) {
  view.shown = i;
  view.stage.replaceChildren();
  if (i < 0) {
    view.stage.textContent = "Every image has a label.";
    return;
  }
  view.stage.setAttribute("aria-label", `Image ${i}, to be labelled`);
  view.pictures.get(i, ({ url, name }) => {
    if (view.shown !== i) return;
    const image = url ? h("img", { alt: `Image ${i}`, src: url }) : h("div", { textContent: `Image ${i} cannot be read.` });
    image.addEventListener("load", () => image.classList.toggle("sk-pixels", image.naturalWidth <= 48), { once: true });
    view.stage.replaceChildren(image, h("div", { className: "sk-name", textContent: name ? name.split(/[\\/]/).pop() : `image ${i}` }));
  });
}

function say(view) {
  const counts = view.link.get("_counts");
  const labelled = counts.reduce((sum, one) => sum + one, 0);
  const accuracy = view.link.get("accuracy");
  const known = accuracy === null || accuracy === undefined ? "no accuracy yet: two classes need two images each" : `accuracy ${accuracy.toFixed(2)}, cross-validated`;
  view.foot.say(`${count(labelled)} of ${count(view.link.get("_n"))} labelled · ${known}`);
}

function drawCurve(view) {
  const history = view.link.get("history");
  view.curve.replaceChildren();
  if (history.length < 2) return;
  const [width, height, most] = [220, 60, history.at(-1)[0]];
  const least = history[0][0];
  const points = history.map(([n, a]) => `${(4 + ((width - 8) * (n - least)) / Math.max(1, most - least)).toFixed(1)},${(height - 4 - (height - 8) * a).toFixed(1)}`);
  const svg = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const picture = svg("svg", { viewBox: `0 0 ${width + 20} ${height}`, role: "img", "aria-label": `Accuracy from ${least} to ${most} labels: ${history[0][1].toFixed(2)} to ${history.at(-1)[1].toFixed(2)}` });
  for (const level of [0, 0.5, 1]) {
    const y = height - 4 - (height - 8) * level;
    picture.append(svg("line", { x1: 0, x2: width, y1: y, y2: y, class: "sk-rule" }));
    const text = svg("text", { x: width + 4, y: y + 3, class: "sk-tick" });
    text.textContent = level;
    picture.append(text);
  }
  picture.append(svg("polyline", { points: points.join(" "), class: "sk-curve-line" }));
  view.curve.append(h("div", { className: "sk-title", textContent: "Accuracy as labels come" }), picture);
}

function connectLabelKeys(view) {
  const { link, stage } = view;
  link.on(stage, "pointerdown", () => stage.focus());
  link.on(stage, "keydown", (event) => {
    if (event.ctrlKey && event.key === "z") {
      stop(event);
      return view.takeBack();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const names = link.get("classes");
    const queue = link.get("_queue");
    const key = event.key.toLowerCase();
    if (/^[1-9]$/.test(key)) {
      if (names[key - 1]) view.give(names[key - 1]);
    } else if (key === "enter") {
      const guess = link.get("_guesses")[queue.indexOf(view.shown)];
      if (guess) view.give(guess);
    } else if (key === "u" || key === "backspace") view.takeBack();
    else if (key === "s") view.leave();
    else if (key === "n") view.name.focus();
    else return;
    stop(event);
  });
}
