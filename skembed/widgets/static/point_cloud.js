// Points on two canvases: the points themselves, and above them what the pointer and the keys do.

const DOTS = 2500; // as many are drawn one by one; of more, the pixels are mixed here
const SHARP = 50000; // more points are drawn at one pixel a CSS pixel
const MOVING = 250000; // while the map moves, about as many points are drawn; at rest, all
const REST_OF_MAP = 150; // milliseconds
const MORPH = 600; // milliseconds

class PointCloud {
  constructor(base, above) {
    this._base = base;
    this._above = above;
    this.n = 0;
    this.width = this.height = 1;
    this._xy = this._from = this._to = new Float32Array(0);
    this._visible = new Uint32Array(0);
    this._at = new Int32Array(0);
    this.hidden = new Set();
    this.home();
  }

  // Coordinates in [-1, 1], x and y of each point in turn; points that were there move.
  setPoints(xy) {
    const isMove = xy.length === this._xy.length && xy.length > 0;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches || this.n > 200000;
    this.n = xy.length / 2;
    if (this._visible.length !== this.n) {
      this._visible = new Uint32Array(this.n);
      this._at = new Int32Array(this.n);
      this.selected = new Uint8Array(this.n);
      this.nSelected = 0;
    }
    if (!isMove || isCalm) {
      this._xy = this._to = xy;
      return this.draw();
    }
    this._from = this._xy.slice();
    this._to = xy;
    this._xy = new Float32Array(xy.length);
    this._began = performance.now();
    const move = (now) => {
      if (this._to !== xy) return;
      const t = Math.min(1, Math.max(0, now - this._began) / MORPH);
      const eased = t * t * (3 - 2 * t);
      for (let i = 0; i < xy.length; i++) this._xy[i] = this._from[i] + eased * (xy[i] - this._from[i]);
      this._paint();
      if (t < 1) requestAnimationFrame(move);
    };
    move(this._began);
  }

  // Of each point the number of its colour in `palette`.
  setColours(codes, palette) {
    this.codes = codes;
    this.palette = palette;
    this._rgb = palette.map((colour) => [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16)));
    this._sprites = new Map();
    this.draw();
  }

  select(ids) {
    this.selected.fill(0);
    for (const i of ids) this.selected[i] = 1;
    this.nSelected = ids.length;
    this.draw();
  }

  resize(width, height) {
    const ratio = this.n > SHARP ? 1 : Math.min(2, window.devicePixelRatio || 1);
    if (width === this.width && height === this.height && ratio === this._ratio) return;
    [this.width, this.height, this._ratio] = [width, height, ratio];
    for (const canvas of [this._base, this._above]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
    }
    this.draw();
  }

  home() {
    [this.zoom, this.left, this.top] = [1, 0, 0];
    this.draw();
  }

  pan(dx, dy) {
    this.left += dx;
    this.top += dy;
    this._drawMoving();
  }

  zoomBy(factor, x = this.width / 2, y = this.height / 2) {
    const zoom = Math.max(0.5, Math.min(5000, this.zoom * factor));
    const by = zoom / this.zoom;
    this.zoom = zoom;
    this.left = x - this.width / 2 - by * (x - this.width / 2 - this.left);
    this.top = y - this.height / 2 - by * (y - this.height / 2 - this.top);
    this._drawMoving();
  }

  x(i) {
    return this.width / 2 + this.left + this._unit * this._xy[2 * i];
  }

  y(i) {
    return this.height / 2 + this.top - this._unit * this._xy[2 * i + 1];
  }

  isHidden(i) {
    return this.hidden.size > 0 && this.hidden.has(this.codes[i]);
  }

  // The point that is shown nearest to a place; -1 where none is within reach.
  nearest(x, y, reach = 14) {
    let best = -1;
    let least = reach * reach;
    for (let i = 0; i < this.n; i++) {
      const square = (this.x(i) - x) ** 2 + (this.y(i) - y) ** 2;
      if (square < least && !this.isHidden(i)) [least, best] = [square, i];
    }
    return best;
  }

  // The next point in a direction, those straight ahead first.
  next(from, dx, dy) {
    let best = -1;
    let least = Infinity;
    const [x, y] = [this.x(from), this.y(from)];
    for (let i = 0; i < this.n; i++) {
      const [ex, ey] = [this.x(i) - x, this.y(i) - y];
      const ahead = ex * dx + ey * dy;
      if (i === from || ahead <= 0.5 || ahead >= least || this.isHidden(i)) continue;
      const cost = ahead + 3 * Math.abs(ex * dy - ey * dx);
      if (cost < least) [least, best] = [cost, i];
    }
    return best;
  }

  // The points that are shown inside a polygon.
  inside(polygon) {
    const xs = polygon.map((p) => p[0]);
    const ys = polygon.map((p) => p[1]);
    const [left, right] = [Math.min(...xs), Math.max(...xs)];
    const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
    const found = [];
    for (let i = 0; i < this.n; i++) {
      const [x, y] = [this.x(i), this.y(i)];
      if (x < left || x > right || y < top || y > bottom || this.isHidden(i)) continue;
      if (isInside(x, y, polygon)) found.push(i);
    }
    return found;
  }

  shown() {
    const found = [];
    for (let i = 0; i < this.n; i++) if (!this.isHidden(i)) found.push(i);
    return found;
  }

  draw() {
    this._stride = 1;
    this._askForPaint();
  }

  // While the map moves: of very many points a part is drawn, and all of them when it rests.
  _drawMoving() {
    this._stride = Math.max(1, Math.floor(this.n / MOVING));
    this._askForPaint();
    clearTimeout(this._rest);
    if (this._stride > 1) this._rest = setTimeout(() => this.draw(), REST_OF_MAP);
  }

  _askForPaint() {
    if (this._waits || !this.codes) return;
    this._waits = true;
    requestAnimationFrame(() => {
      this._waits = false;
      this._paint();
    });
  }

  get _unit() {
    return 0.47 * Math.min(this.width, this.height) * this.zoom;
  }

  _paint() {
    const began = performance.now();
    const m = this._project();
    const context = this._base.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this._base.width, this._base.height);
    if (m > DOTS) this._paintDensity(context, m);
    else this._paintDots(context, m);
    this.milliseconds = performance.now() - began;
    this.onPaint?.();
  }

  // Lists the points in sight and the pixel of each; returns how many they are.
  _project() {
    const { n, _xy: xy, _visible: visible, _at: at, codes, _ratio: ratio } = this;
    const [width, height] = [this._base.width, this._base.height];
    const unit = ratio * this._unit;
    const [x0, y0] = [ratio * (this.width / 2 + this.left), ratio * (this.height / 2 + this.top)];
    const isHidden = new Uint8Array(this.palette.length);
    for (const code of this.hidden) isHidden[code] = 1;
    let m = 0;
    for (let i = 0; i < n; i += this._stride) {
      const x = x0 + unit * xy[2 * i];
      const y = y0 - unit * xy[2 * i + 1];
      if (x < 0 || y < 0 || x >= width || y >= height || isHidden[codes[i]]) continue;
      visible[m] = i;
      at[m++] = (y | 0) * width + (x | 0);
    }
    return m;
  }

  _paintDots(context, m) {
    const { _visible: visible, codes, selected, nSelected, _ratio: ratio } = this;
    const radius = m > 1000 ? 3 : 4;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const isOn of nSelected ? [0, 1] : [0]) {
      context.globalAlpha = !nSelected ? 0.8 : isOn ? 1 : 0.18;
      for (let k = 0; k < m; k++) {
        if (nSelected && selected[visible[k]] !== isOn) continue;
        const i = visible[k];
        const sprite = this._sprite(codes[i], radius);
        context.drawImage(sprite, this.x(i) - radius - 1, this.y(i) - radius - 1, 2 * radius + 2, 2 * radius + 2);
      }
    }
    context.globalAlpha = 1;
  }

  _sprite(code, radius) {
    const key = code * 8 + radius;
    if (!this._sprites.has(key)) {
      const side = (2 * radius + 2) * this._ratio;
      const canvas = h("canvas", { width: side, height: side });
      const context = canvas.getContext("2d");
      context.fillStyle = this.palette[code];
      context.arc(side / 2, side / 2, radius * this._ratio, 0, 7);
      context.fill();
      this._sprites.set(key, canvas);
    }
    return this._sprites.get(key);
  }

  // Each pixel has the mean colour of the points on it, the denser the more opaque.
  _paintDensity(context, m) {
    const [width, height] = [this._base.width, this._base.height];
    const sums = this._sum(m, disc(m, this._ratio, width));
    let n = 0;
    let total = 0;
    for (let p = 3; p < sums.length; p += 4) {
      if (sums[p] > 0) n++;
      total += sums[p];
    }
    const perFull = 1 / Math.max(2, (4 * total) / Math.max(1, n));
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer); // alpha, blue, green, red, from high to low
    for (let p = 3, k = 0; p < sums.length; p += 4, k++) {
      const weight = sums[p];
      if (weight === 0) continue;
      const each = 1 / weight;
      const alpha = Math.min(1, 0.45 * Math.min(1, weight) + 0.55 * Math.sqrt(weight * perFull));
      pixels[k] = ((255 * alpha) << 24) | ((sums[p - 1] * each) << 16) | ((sums[p - 2] * each) << 8) | (sums[p - 3] * each);
    }
    context.putImageData(image, 0, 0);
  }

  // Of each pixel the sums of red, green and blue, and of the weights of its points.
  _sum(m, steps) {
    const { _visible: visible, _at: at, codes, selected, nSelected } = this;
    const size = this._base.width * this._base.height;
    if (this._sums?.length !== 4 * size) this._sums = new Float32Array(4 * size);
    const sums = this._sums.fill(0);
    const colours = Float32Array.from(this._rgb.flat());
    for (let k = 0; k < m; k++) {
      const i = visible[k];
      const weight = nSelected === 0 || selected[i] ? 1 : 0.05;
      const c = 3 * codes[i];
      for (let s = 0; s < steps.length; s++) {
        const p = 4 * (at[k] + steps[s]);
        if (p < 0 || p >= sums.length) continue;
        sums[p] += weight * colours[c];
        sums[p + 1] += weight * colours[c + 1];
        sums[p + 2] += weight * colours[c + 2];
        sums[p + 3] += weight;
      }
    }
    return sums;
  }

  // The ring of the point that is looked at, lines to its neighbours, and the lasso.
  drawAbove({ focus, neighbours, polygon, colour }) {
    const context = this._above.getContext("2d");
    context.setTransform(this._ratio, 0, 0, this._ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.strokeStyle = colour;
    if (focus >= 0 && focus < this.n) {
      context.globalAlpha = 0.6;
      for (const i of neighbours) {
        context.beginPath();
        context.moveTo(this.x(focus), this.y(focus));
        context.lineTo(this.x(i), this.y(i));
        context.stroke();
      }
      context.globalAlpha = 1;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(this.x(focus), this.y(focus), 7, 0, 7);
      context.stroke();
    }
    if (polygon?.length > 1) {
      context.lineWidth = 1.5;
      context.setLineDash([5, 4]);
      context.beginPath();
      for (const [x, y] of polygon) context.lineTo(x, y);
      context.closePath();
      context.stroke();
      context.setLineDash([]);
    }
    context.lineWidth = 1;
  }
}

// The pixels of a dot, as steps from its middle; the more points, the smaller.
function disc(m, ratio, width) {
  const radius = ratio * (m > 40000 ? 0 : m > 10000 ? 1 : 2);
  const steps = [];
  for (let dy = -Math.ceil(radius); dy <= radius; dy++) {
    for (let dx = -Math.ceil(radius); dx <= radius; dx++) {
      if (dx * dx + dy * dy <= radius * radius + 0.3) steps.push(dy * width + dx);
    }
  }
  return Int32Array.from(steps);
}

function isInside(x, y, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i];
    const [xj, yj] = polygon[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
