// The image viewer: 16-bit levels windowed here, with pan, zoom, measuring, and overlays of objects, regions and saliency.
const COLOURS = { 1: "#56b4e9", 0.5: "#f0b429", 0: "#ff6f61", left: "#b9bec4", region: "#56b4e9", measure: "#9be564" };
const MAGMA = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];

class Viewer {
  constructor(place) {
    this.place = place; this.base = place.dataset.viewer;
    this.canvas = place.querySelector("canvas"); this.context = this.canvas.getContext("2d");
    this.out = (name) => place.querySelector(`[data-out="${name}"]`);
    this.tool = "pan"; this.index = 0; this.marks = []; this.pointers = new Map();
    this.show = { objects: true, regions: true, saliency: false };
    this.bind();
  }

  async open() {
    this.overlay = await (await fetch(`${this.base}/overlay.json`)).json();
    await this.load(0, false);
    this.fit(this.overlay.objects.length > 0); this.untouched = true;
    this.out("place").textContent = "";
    if (this.place.dataset.saliency === "1") this.loadSaliency();
    this.place.dataset.ready = "1";
  }

  async load(index, full) {
    this.busy = true;
    const answer = await fetch(`${this.base}/pixels?index=${index}${full ? "&full=true" : ""}`);
    if (!answer.ok) { this.out("place").textContent = `${answer.status}`; this.busy = false; return; }
    const data = await answer.arrayBuffer(), view = new DataView(data);
    const [rows, columns, step] = [0, 4, 8].map((at) => view.getUint32(at, true));
    const [slope, intercept, low, high] = [16, 24, 32, 40].map((at) => view.getFloat64(at, true));
    this.image = { rows, columns, step, slope, intercept, levels: new Uint16Array(data, 48, rows * columns) };
    if (!this.first || index !== this.index) { this.first = [low, high]; if (!this.window || index === 0) this.window = [low, high]; }
    this.index = index; this.busy = false;
    this.paint(); this.draw();
  }

  paint() {
    const { rows, columns, slope, intercept, levels } = this.image, [low, high] = this.window;
    const table = new Uint8ClampedArray(65536);
    for (let level = 0; level < 65536; level++) {
      const part = (level * slope + intercept - low) / (high - low);
      table[level] = 255 * (this.inverted ? 1 - part : part);
    }
    this.picture ??= document.createElement("canvas");
    if (this.picture.width !== columns || this.picture.height !== rows) { this.picture.width = columns; this.picture.height = rows; }
    const context = this.picture.getContext("2d"), shown = context.createImageData(columns, rows);
    const words = new Uint32Array(shown.data.buffer);
    for (let at = 0; at < levels.length; at++) { const v = table[levels[at]]; words[at] = 0xff000000 | (v << 16) | (v << 8) | v; }
    context.putImageData(shown, 0, 0);
    const value = (number) => Math.abs(number) >= 100 ? Math.round(number) : Number(number.toPrecision(3));
    this.out("window").textContent = `W ${value(high - low)}  L ${value((low + high) / 2)}`;
  }

  async loadSaliency() {
    const picture = new Image();
    picture.src = `${this.base}/saliency.png`;
    await picture.decode();
    const map = document.createElement("canvas");
    map.width = picture.width; map.height = picture.height;
    const context = map.getContext("2d");
    context.drawImage(picture, 0, 0);
    const shown = context.getImageData(0, 0, map.width, map.height), d = shown.data;
    for (let at = 0; at < d.length; at += 4) {
      const tone = Math.sqrt(d[at] / 255), place = tone * 4, k = Math.min(3, Math.floor(place)), part = place - k;
      for (let c = 0; c < 3; c++) d[at + c] = MAGMA[k][c] * (1 - part) + MAGMA[k + 1][c] * part;
      d[at + 3] = 235 * tone;
    }
    context.putImageData(shown, 0, 0);
    this.map = map; this.draw();
  }

  name(text) {
    const place = text.lastIndexOf("-"), kind = text.slice(0, place), words = { fibre: "fibre", "speck-group": "specks", mass: "mass" };
    return `${words[kind] ? this.place.dataset[words[kind]] : kind} ${text.slice(place + 1)}`;
  }

  size() { return { width: this.image.columns * this.image.step, height: this.image.rows * this.image.step }; }

  fit(onPhantom) {
    const { width, height } = this.size();
    let box = [0, 0, width, height];
    const corners = this.overlay.objects.flatMap((o) => o.corners);
    if (onPhantom && corners.length) {
      const xs = corners.map((c) => c[0]), ys = corners.map((c) => c[1]);
      const pad = 0.04 * (Math.max(...xs) - Math.min(...xs));
      box = [Math.min(...xs) - pad, Math.min(...ys) - pad, Math.max(...xs) + pad, Math.max(...ys) + pad];
    }
    const area = this.canvas.getBoundingClientRect();
    this.scale = Math.min(area.width / (box[2] - box[0]), area.height / (box[3] - box[1]));
    this.shift = [(area.width - (box[0] + box[2]) * this.scale) / 2, (area.height - (box[1] + box[3]) * this.scale) / 2];
    this.draw();
  }

  draw() {
    if (!this.image || !this.scale) return;
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    const ratio = devicePixelRatio || 1, area = this.canvas.getBoundingClientRect(), c = this.context;
    const [wide, high] = [Math.round(area.width * ratio), Math.round(area.height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) { this.canvas.width = wide; this.canvas.height = high; }
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = "#000"; c.fillRect(0, 0, wide, high);
    c.setTransform(this.scale * ratio, 0, 0, this.scale * ratio, this.shift[0] * ratio, this.shift[1] * ratio);
    c.imageSmoothingEnabled = this.scale * this.image.step < 2;
    const { width, height } = this.size();
    c.drawImage(this.picture, -0.5, -0.5, width, height);
    if (this.show.saliency && this.map && this.overlay.map) {
      const [[a, b, e], [d, f, g]] = this.overlay.map;
      c.save(); c.transform(a, d, b, f, e, g); c.drawImage(this.map, 0, 0); c.restore();
    }
    if (this.show.regions) for (const region of this.overlay.regions) if (this.onSlice(region.index)) this.outline(region.points_px, region.closed, COLOURS.region, [], region.label);
    if (this.show.objects) for (const o of this.overlay.objects) this.box(o);
    for (const mark of this.marks) this.mark(mark);
    if (this.image.step > 1 && this.scale * this.image.step > 1.6 && !this.busy) this.load(this.index, true);
  }

  onSlice(index) { return Number(this.place.dataset.count) < 2 || index === this.index; }

  outline(points, closed, colour, dash, label) {
    const c = this.context, px = 1 / this.scale;
    c.beginPath();
    points.forEach(([x, y], at) => (at ? c.lineTo(x, y) : c.moveTo(x, y)));
    if (closed) c.closePath();
    c.strokeStyle = colour; c.lineWidth = 1.6 * px; c.setLineDash(dash.map((d) => d * px)); c.stroke(); c.setLineDash([]);
    if (label && points.length) this.label(label, points[0], colour);
  }

  box(o) {
    const colour = o.counted ? COLOURS[o.score] : COLOURS.left;
    this.outline(o.corners, true, colour, o.score === 1 ? [] : o.score === 0.5 ? [7, 4] : [2, 3], "");
    const top = o.corners.reduce((best, corner) => (corner[0] + corner[1] < best[0] + best[1] ? corner : best));
    this.label(`${this.name(o.name)}  ${o.score.toLocaleString(document.documentElement.lang)}`, top, colour);
  }

  label(text, [x, y], colour) {
    const c = this.context, px = 1 / this.scale;
    c.font = `600 ${13 * px}px system-ui, sans-serif`;
    c.lineWidth = 3.5 * px; c.strokeStyle = "rgba(0,0,0,.85)"; c.lineJoin = "round"; c.strokeText(text, x + 4 * px, y + 15 * px);
    c.fillStyle = colour; c.fillText(text, x + 4 * px, y + 15 * px);
  }

  mark(mark) {
    const { from, to } = mark;
    if (mark.tool === "measure") this.outline([from, to], false, COLOURS.measure, [], "");
    else this.outline([from, [to[0], from[1]], to, [from[0], to[1]]], true, COLOURS.measure, [], "");
    this.label(mark.text || "", to, COLOURS.measure);
  }

  tell(mark) {
    const [dx, dy] = [mark.to[0] - mark.from[0], mark.to[1] - mark.from[1]], pitch = this.overlay.pitch_mm;
    if (mark.tool === "measure") {
      const pixels = Math.hypot(dx, dy);
      mark.text = pitch ? `${(pixels * pitch).toFixed(2)} mm` : `${pixels.toFixed(1)} px`;
    } else {
      const { rows, columns, step, levels, slope, intercept } = this.image;
      const clip = (v, most) => Math.max(0, Math.min(most - 1, Math.round(v / step)));
      const [x0, x1] = [mark.from[0], mark.to[0]].map((v) => clip(v, columns)).sort((a, b) => a - b);
      const [y0, y1] = [mark.from[1], mark.to[1]].map((v) => clip(v, rows)).sort((a, b) => a - b);
      let n = 0, sum = 0, squares = 0;
      for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) { const v = levels[y * columns + x] * slope + intercept; n++; sum += v; squares += v * v; }
      const mean = sum / n, sd = Math.sqrt(Math.max(0, squares / n - mean * mean));
      mark.text = `mean ${mean.toPrecision(5)}, SD ${sd.toPrecision(3)}${step > 1 ? ` (${step}×${step} averaged)` : ""}`;
    }
    this.out("result").textContent = mark.text;
  }

  at(event) {
    const area = this.canvas.getBoundingClientRect();
    const screen = [event.clientX - area.left, event.clientY - area.top];
    return { screen, image: [(screen[0] - this.shift[0]) / this.scale, (screen[1] - this.shift[1]) / this.scale] };
  }

  zoom(factor, centre) {
    const area = this.canvas.getBoundingClientRect(), [x, y] = centre ?? [area.width / 2, area.height / 2];
    this.untouched = false;
    const scale = Math.max(0.01, Math.min(60, this.scale * factor)), used = scale / this.scale;
    this.shift = [x - (x - this.shift[0]) * used, y - (y - this.shift[1]) * used];
    this.scale = scale; this.draw();
  }

  choose(tool) {
    this.tool = tool;
    this.place.querySelectorAll("[data-tool]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.tool === tool)));
  }

  doing(what) {
    this.untouched = false;
    const { place } = this;
    if (what === "in") this.zoom(1.3); else if (what === "out") this.zoom(1 / 1.3);
    else if (what === "fit") this.fit(false); else if (what === "phantom") this.fit(true);
    else if (what === "invert") { this.inverted = !this.inverted; place.querySelector('[data-do="invert"]').setAttribute("aria-pressed", String(!!this.inverted)); this.paint(); this.draw(); }
    else if (what === "reset") { this.window = [...this.first]; this.marks = []; this.out("result").textContent = ""; this.paint(); this.draw(); }
  }

  bind() {
    const { place, canvas } = this;
    place.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button?.dataset.tool) this.choose(button.dataset.tool); else if (button?.dataset.do && this.image) this.doing(button.dataset.do);
    });
    place.addEventListener("change", (event) => { if (event.target.dataset.show) { this.show[event.target.dataset.show] = event.target.checked; this.draw(); } });
    place.querySelector("[data-index]")?.addEventListener("input", (event) => { place.querySelector("[data-index-out]").value = +event.target.value + 1; this.load(+event.target.value, false); });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); if (this.image) this.zoom(Math.exp(-event.deltaY / 400), this.at(event).screen); }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => { this.pointers.delete(event.pointerId); this.drag = null; });
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => { if (this.untouched) this.fit(this.overlay.objects.length > 0); else this.draw(); }).observe(canvas);
  }

  down(event) {
    if (!this.image) return;
    this.canvas.setPointerCapture(event.pointerId); this.untouched = false;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const { image } = this.at(event);
    this.drag = { last: [event.clientX, event.clientY] };
    if (this.tool === "measure" || this.tool === "area") { this.drag.mark = { tool: this.tool, from: image, to: image, text: "" }; this.marks = [this.drag.mark]; }
  }

  move(event) {
    if (!this.image) return;
    const { image } = this.at(event);
    this.tellPlace(image);
    if (!this.drag) return;
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY], [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (this.pointers.size === 2) { this.pinch(event.pointerId, before, now); this.pointers.set(event.pointerId, now); return; }
    this.pointers.set(event.pointerId, now);
    if (this.drag.mark) { this.drag.mark.to = image; this.tell(this.drag.mark); this.draw(); }
    else if (this.tool === "window" || event.buttons === 2) this.rewindow(dx, dy);
    else { this.shift = [this.shift[0] + dx, this.shift[1] + dy]; this.draw(); }
  }

  pinch(id, before, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1], area = this.canvas.getBoundingClientRect();
    const far = (a) => Math.hypot(a[0] - other[0], a[1] - other[1]);
    this.zoom(far(now) / Math.max(1, far(before)), [(now[0] + other[0]) / 2 - area.left, (now[1] + other[1]) / 2 - area.top]);
  }

  rewindow(dx, dy) {
    const [low, high] = this.window, width = (high - low) * Math.exp(dx / 250), level = (low + high) / 2 - dy * (high - low) / 400;
    this.window = [level - width / 2, level + width / 2];
    this.paint(); this.draw();
  }

  tellPlace([x, y]) {
    const { rows, columns, step, levels, slope, intercept } = this.image, [column, row] = [Math.round(x / step), Math.round(y / step)];
    const inside = column >= 0 && row >= 0 && column < columns && row < rows;
    this.out("place").textContent = inside ? `x ${Math.round(x)}  y ${Math.round(y)}  ${this.place.dataset.value} ${(levels[row * columns + column] * slope + intercept).toPrecision(5)}` : "";
  }

  key(event) {
    if (!this.image || event.ctrlKey || event.metaKey) return;
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const tools = { p: "pan", w: "window", m: "measure", a: "area" }, acts = { "+": "in", "=": "in", "-": "out", 0: "fit", f: "phantom", i: "invert", r: "reset" };
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (moves[key]) { if (this.tool === "window") this.rewindow(-moves[key][0], -moves[key][1]); else { this.shift = this.shift.map((s, k) => s + moves[key][k]); this.draw(); } }
    else if (tools[key]) this.choose(tools[key]); else if (acts[key]) this.doing(acts[key]); else return;
    event.preventDefault();
  }
}

for (const place of document.querySelectorAll("[data-viewer]")) new Viewer(place).open();
