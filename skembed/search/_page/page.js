// The page of `skembed search serve`: asks the server by JSON, and shows images with their distances.
"use strict";

const $ = id => document.getElementById(id);
const found = $("found"), state = { liked: [], refused: [], shown: 0, total: 0, asked: 0 };
const AT_ONCE = 48;

async function ask(path, options) {
  const answer = await fetch(path, options);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error || answer.statusText);
  return said;
}

// Runs a question; the answer of one that was overtaken by a later question is dropped.
async function run(waiting, question, show) {
  const mine = ++state.asked;
  say(waiting);
  found.setAttribute("aria-busy", "true");
  try {
    const said = await question();
    if (mine === state.asked) show(said);
  } catch (error) {
    if (mine === state.asked) say(error.message, true);
  } finally {
    if (mine === state.asked) found.removeAttribute("aria-busy");
  }
}

function say(text, isWrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", isWrong);
}

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const pictureOf = id => `api/images/${id}/picture`;
const lastPart = name => name.split(/[\\/]/).pop() || name;

function card(image) {
  const open = made("button", { type: "button", className: "open", title: image.name },
    made("img", { src: pictureOf(image.id), alt: "", loading: "lazy" }),
    made("span", { className: "name" }, lastPart(image.name)));
  open.addEventListener("click", () => lookLike(image));
  const distance = image.distance === undefined ? "" : image.distance.toFixed(3);
  const plus = choice(image, "liked", "plus", "+", `More like ${lastPart(image.name)}`);
  const minus = choice(image, "refused", "minus", "\u2212", `Less like ${lastPart(image.name)}`);
  const item = made("li", {}, open,
    made("div", { className: "row" }, made("span", { className: "distance" }, distance), plus, minus));
  item.dataset.id = image.id;
  item.image = image;
  return item;
}

function choice(image, list, className, text, label) {
  const button = made("button", { type: "button", className, ariaLabel: label, title: label }, text);
  button.addEventListener("click", () => choose(image, list));
  return button;
}

function show(images, add = false) {
  if (!add) found.replaceChildren();
  found.append(...images.map(card));
  mark();
}

function mark() {
  for (const item of found.children) {
    for (const [list, name] of [["liked", ".plus"], ["refused", ".minus"]]) {
      const isChosen = state[list].some(image => image.id === item.image.id);
      item.classList.toggle(list, isChosen);
      item.querySelector(name).ariaPressed = String(isChosen);
    }
  }
  $("chosen").hidden = !state.liked.length && !state.refused.length;
  for (const list of ["liked", "refused"]) {
    $(list).replaceChildren(...state[list].map(image => {
      const label = `Take ${lastPart(image.name)} away`;
      const button = made("button", { type: "button", ariaLabel: label, title: label },
        made("img", { src: pictureOf(image.id), alt: "" }));
      button.addEventListener("click", () => choose(image, list));
      return made("li", {}, button);
    }));
  }
}

function choose(image, list) {
  const other = list === "liked" ? "refused" : "liked";
  const was = state[list].some(one => one.id === image.id);
  for (const name of [list, other]) state[name] = state[name].filter(one => one.id !== image.id);
  if (!was) state[list].push(image);
  mark();
  if (state.liked.length) lookLikeChosen();
  else if (state.refused.length) say("Choose an image to be like as well: +");
  else all();
}

function showPicture(source) {
  const old = $("picture").src;
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  $("picture").hidden = !source;
  if (source) $("picture").src = source; else $("picture").removeAttribute("src");
}

const forget = () => { state.liked = []; state.refused = []; };

function lookLike(image) {
  forget();
  showPicture(`${pictureOf(image.id)}?side=800`);
  run("Looking...", () => ask(`api/images/${image.id}/neighbours`), said => {
    show([{ ...image, distance: 0 }, ...said.neighbours]);
    $("more").hidden = true;
    say(`Images like ${lastPart(image.name)}`);
    focusOn(0);
  });
}

function lookLikeChosen() {
  const ids = list => state[list].map(image => image.id);
  const body = JSON.stringify({ like: ids("liked"), unlike: ids("refused") });
  showPicture(null);
  run("Looking...", () => ask("api/like", { method: "POST", body }), said => {
    const focused = document.activeElement.closest?.("#found li");
    const place = [...found.children].indexOf(focused);
    show(said.neighbours);
    $("more").hidden = true;
    say(`Like ${state.liked.length}, and less like ${state.refused.length}`);
    if (place >= 0) focusOn(Math.min(place, found.children.length - 1));
  });
}

function upload(file) {
  if (!file) return;
  forget();
  showPicture(URL.createObjectURL(file));
  run("The picture goes through the network...", () => ask("api/query", { method: "POST", body: file }), said => {
    show(said.neighbours);
    $("more").hidden = true;
    say(`Images like ${file.name || "the picture"}`);
  });
}

function all() {
  forget();
  showPicture(null);
  state.shown = 0;
  found.replaceChildren();
  more();
}

function more() {
  const path = `api/images?from=${state.shown}&count=${AT_ONCE}`;
  run("Loading...", () => ask(path), said => {
    show(said.images, true);
    state.shown += said.images.length;
    $("more").hidden = state.shown >= state.total;
    say(`All images: ${state.shown.toLocaleString("en")} of ${state.total.toLocaleString("en")}`);
  });
}

function focusOn(place) {
  found.children[place]?.querySelector(".open").focus();
}

// The columns of the grid are as many as have the place of the first row.
function columns() {
  const top = found.children[0]?.offsetTop;
  return [...found.children].filter(item => item.offsetTop === top).length || 1;
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return all();
  const item = document.activeElement.closest?.("#found li");
  if (!item) {
    if (event.key === "ArrowDown" && document.activeElement === document.body) focusOn(0), event.preventDefault();
    return;
  }
  const place = [...found.children].indexOf(item);
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns() };
  if (event.key in steps) {
    focusOn(Math.max(0, Math.min(found.children.length - 1, place + steps[event.key])));
    event.preventDefault();
  } else if (event.key === "+" || event.key === "-") {
    choose(item.image, event.key === "+" ? "liked" : "refused");
    event.preventDefault();
  }
});

$("file").addEventListener("change", event => upload(event.target.files[0]));
$("clear").addEventListener("click", all);
$("more").addEventListener("click", more);
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, event => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") upload(event.dataTransfer.files[0]);
  });
}
document.addEventListener("paste", event => upload(event.clipboardData.files[0]));

ask("api").then(said => {
  state.total = said.n_images;
  $("about").textContent = `${said.n_images.toLocaleString("en")} images, ${said.metric} distance, ${said.embedder}`;
  all();
}).catch(error => say(error.message, true));
