// What the widgets share. Python joins this text with a widget's own into one module.

// Paul Tol's "bright" and "light" schemes: told apart by people who see few colours.
const PALETTES = {
  light: ["#4477aa", "#ee6677", "#228833", "#b09a1f", "#33a0cc", "#aa3377", "#d17f00", "#004488", "#994455", "#6a8f2f"],
  dark: ["#77aadd", "#ee8866", "#44bb99", "#eedd88", "#99ddff", "#ffaabb", "#bbcc33", "#aaaa00", "#dd7788", "#cfa7e8"],
};
const GREY = { light: "#8a8a8a", dark: "#9a9a9a" };

function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A trait of bytes is a DataView into a larger buffer: the array gets a copy of its own.
function typed(view, Type) {
  if (!view?.byteLength) return new Type(0);
  return new Type(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function bytes(array) {
  return new DataView(array.buffer, array.byteOffset, array.byteLength);
}

function count(n) {
  return n.toLocaleString("en-US");
}

// The model of a widget, and everything that has to end with the view.
class Link {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.isLive = true;
    this._end = new AbortController();
    this._subscriptions = [];
    this._answers = new Map();
    this._subscribe("msg:custom", (content, buffers) => this._receive(content, buffers ?? []));
    // JupyterLab and Notebook say so when the kernel ends or restarts.
    this._subscribe("comm_live_update", () => this._lose());
  }

  on(target, event, listener, options = {}) {
    target.addEventListener(event, listener, { signal: this._end.signal, ...options });
  }

  onTrait(names, listener) {
    for (const name of [names].flat()) this._subscribe(`change:${name}`, listener);
  }

  onMessage(kind, listener) {
    this._answers.set(kind, [...(this._answers.get(kind) ?? []), listener]);
  }

  get(name) {
    return this.model.get(name);
  }

  set(name, value) {
    if (!this.isLive) return;
    this.model.set(name, value);
    this.model.save_changes();
  }

  ask(kind, content = {}, buffers = []) {
    if (this.isLive) this.model.send({ kind, ...content }, undefined, buffers);
  }

  // Asked of the page: when a view is built it stands nowhere yet, and has no colours.
  get theme() {
    const { dataset, classList } = document.body;
    if (dataset.jpThemeLight) return dataset.jpThemeLight === "true" ? "light" : "dark";
    if (dataset.vscodeThemeKind) return /light/.test(dataset.vscodeThemeKind) ? "light" : "dark";
    if (classList.contains("theme-dark")) return "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  onTheme(listener) {
    const observer = new MutationObserver(() => requestAnimationFrame(listener));
    observer.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-light", "data-vscode-theme-kind"] });
    this.onEnd(() => observer.disconnect());
    this.on(matchMedia("(prefers-color-scheme: dark)"), "change", listener);
  }

  onEnd(listener) {
    this._end.signal.addEventListener("abort", listener);
  }

  end() {
    this._end.abort();
    for (const [name, listener] of this._subscriptions) this.model.off(name, listener);
  }

  _subscribe(name, listener) {
    this.model.on(name, listener);
    this._subscriptions.push([name, listener]);
  }

  _receive(content, buffers) {
    for (const listener of this._answers.get(content.kind) ?? []) listener(content, buffers);
  }

  _lose() {
    if (!this.isLive) return;
    this.isLive = false;
    this._receive({ kind: "error", text: "The kernel has ended. Run the cell again to go on." }, []);
  }
}

// The pictures of images: asked for when they come into sight, a message for many.
class Pictures {
  constructor(link, answer = "thumbnails") {
    this._link = link;
    this._kind = answer;
    this._known = new Map();
    this._waiting = new Map();
    this._asked = new Set();
    this._seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this._show(entry.target);
    }, { rootMargin: "100px" });
    link.onMessage(answer, (content, buffers) => this._take(content, buffers));
    link.onEnd(() => {
      this._seen.disconnect();
      for (const { url } of this._known.values()) if (url) URL.revokeObjectURL(url);
    });
  }

  // Calls back with { url, name }; url is empty where an image has no picture.
  get(i, listener) {
    if (this._known.has(i)) return listener(this._known.get(i));
    this._waiting.set(i, [...(this._waiting.get(i) ?? []), listener]);
    if (this._asked.size === 0) setTimeout(() => this._ask(), 20);
    this._asked.add(i);
  }

  // An <img> that loads when it is seen.
  image(i, alt, side) {
    const image = h("img", { alt, width: side, height: side, draggable: false });
    image.dataset.id = i;
    this._seen.observe(image);
    return image;
  }

  _show(image) {
    this._seen.unobserve(image);
    this.get(Number(image.dataset.id), ({ url, name }) => {
      if (name) image.title = name;
      if (!url) return image.replaceWith(h("span", { className: "sk-nopicture", textContent: image.alt }));
      image.addEventListener("load", () => image.classList.toggle("sk-pixels", image.naturalWidth <= 48), { once: true });
      image.src = url;
    });
  }

  _ask() {
    const ids = [...this._asked];
    this._asked.clear();
    for (let i = 0; i < ids.length; i += 32) this._link.ask(this._kind, { ids: ids.slice(i, i + 32) });
  }

  _take({ ids, names }, buffers) {
    ids.forEach((id, k) => {
      const url = buffers[k].byteLength ? URL.createObjectURL(new Blob([buffers[k]])) : "";
      const picture = { url, name: names[k] };
      this._known.set(id, picture);
      for (const listener of this._waiting.get(id) ?? []) listener(picture);
      this._waiting.delete(id);
    });
  }
}

// Buttons of which one is in the order of Tab, and the arrows reach the others.
function roving(link, group, selector) {
  ownKeys(group);
  const items = () => [...group.querySelectorAll(selector)].filter((item) => !item.disabled);
  const choose = (item) => {
    for (const other of items()) other.tabIndex = other === item ? 0 : -1;
  };
  link.on(group, "focusin", (event) => {
    const item = event.target.closest(selector);
    if (item) choose(item);
  });
  link.on(group, "keydown", (event) => {
    const all = items();
    const at = all.indexOf(event.target.closest(selector));
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    stop(event);
    all[Math.max(0, Math.min(all.length - 1, to))].focus();
  });
  return () => {
    const all = items();
    if (!all.some((item) => item.tabIndex === 0) && all.length) choose(all[0]);
    else if (all.length) choose(all.find((item) => item.tabIndex === 0));
  };
}

// JupyterLab looks at keys before anyone else, and would take them for commands of the notebook.
function ownKeys(element) {
  element.dataset.lmSuppressShortcuts = "true";
  return element;
}

function stop(event) {
  event.preventDefault();
  event.stopPropagation();
}

// The frame of a widget: a region with a name, a line that is read out, and "copy as %embed".
function frame(link, name, ...children) {
  const { root } = link;
  root.classList.add("sk");
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", name);
  const status = h("div", { className: "sk-status", role: "status", "aria-live": "polite" });
  const error = h("div", { className: "sk-error", role: "alert", hidden: true });
  const copy = h("button", { type: "button", className: "sk-copy", textContent: "Copy as %embed", title: "The line that opens this view again" });
  const line = h("input", { type: "text", readOnly: true, hidden: true, className: "sk-line", "aria-label": "The line that opens this view again" });
  root.append(...children, h("div", { className: "sk-foot" }, status, copy), line, error);
  // Keys that are typed here are not commands of the notebook.
  link.on(root, "keydown", (event) => {
    if (event.target.matches("input, select, textarea")) event.stopPropagation();
  });
  link.on(copy, "click", () => link.ask("embed_line"));
  link.onMessage("embed_line", async (content) => {
    line.value = content.line;
    line.hidden = false;
    line.select();
    try {
      await navigator.clipboard.writeText(content.line);
      status.textContent = "Copied.";
    } catch {
      document.execCommand("copy"); // no clipboard without https, or without permission
      status.textContent = "The line is selected.";
    }
  });
  link.onMessage("error", (content) => {
    error.textContent = content.text;
    error.hidden = false;
  });
  return {
    say: (text) => {
      if (status.textContent !== text) status.textContent = text;
    },
    forgive: () => {
      if (link.isLive) error.hidden = true;
    },
  };
}

// What anywidget calls: `build` fills an element, and what it began ends with the view.
function widget(build) {
  return {
    render({ model, el }) {
      const root = h("div");
      el.append(root);
      const link = new Link(model, root);
      build(link);
      return () => link.end();
    },
  };
}
