// How lanes, marks and plots look.
const canvas = document.getElementById('canvas');
const pen = canvas.getContext('2d');
const FONT = '12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const colours = {};
const hues = new Map();

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const read = name => style.getPropertyValue('--' + name).trim();
  for (const name of ['card', 'text', 'muted', 'line', 'accent', 'none', 'round', 'loss', 'page']) colours[name] = read(name);
  for (const name of ['state', 'edge', 'hue', 'rim']) colours[name] = [0, 1, 2, 3, 4, 5].map(number => read(name + number));
}

/** Fill and rim: of a state, or of a label, which keeps its colour in all lanes. */
function colourOf(colour, label) {
  if (colour >= 0) return [colours.state[colour], colours.edge[colour]];
  if (colour === -2) return [colours.none, colours.muted];
  if (!hues.has(label)) hues.set(label, hues.size % 6);
  return [colours.hue[hues.get(label)], colours.rim[hues.get(label)]];
}

function fit(label, width) {
  if (pen.measureText(label).width <= width) return label;
  let low = 0, high = label.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText(label.slice(0, middle) + '\u2026').width <= width) low = middle; else high = middle - 1;
  }
  return low > 2 ? label.slice(0, low) + '\u2026' : '';
}

/** Recovering is hatched: it must stand out without colour as well. */
function hatch(x, y, width, height, colour) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.45;
  pen.beginPath();
  for (let at = x - height - (x % 8); at < x + width; at += 8) {
    pen.moveTo(at, y + height);
    pen.lineTo(at + height, y);
  }
  pen.stroke();
  pen.restore();
}

/** Outages come last, so that no zoom hides one. */
function paintSpans(lane, y, height) {
  const shown = lane.spans.filter(span => span.until >= view.from && span.from <= view.to);
  for (const span of apart(shown.filter(one => one.colour !== 4))) paintSpan(span, y, height);
  const narrow = new Map();
  for (const span of shown) {
    if (span.colour !== 4) continue;
    const from = xOf(span.from), width = xOf(span.until) - from;
    if (width >= 2.5) paintSpan(span, y, height);
    else narrow.set(Math.floor(from), (narrow.get(Math.floor(from)) ?? 0) + width);
  }
  // Of those that are too short for this zoom each pixel says how much of it they are.
  pen.fillStyle = colours.edge[4];
  for (const [x, share] of narrow) {
    const part = height * Math.min(1, Math.max(0.4, share));
    pen.fillRect(x, y + height - part, 2, part);
  }
}

/** Thousands of spans within one pixel are one bar. */
function* apart(spans) {
  let covered = -1;
  for (const span of spans) {
    const to = Math.max(xOf(span.until), xOf(span.from) + 1);
    if (to <= covered) continue;
    covered = Math.floor(to);
    yield span;
  }
}

function paintSpan(span, y, height) {
  const from = Math.max(xOf(span.from), view.left), width = Math.max(Math.min(xOf(span.until), view.left + view.width) - from, 1);
  const [fill, rim] = colourOf(span.colour, span.label);
  pen.fillStyle = fill;
  pen.fillRect(from, y, width, height);
  if (span.colour === 4) hatch(from, y, width, height, rim);
  pen.fillStyle = rim;
  if (width > 4) pen.fillRect(from, y, 2, height);
  pen.fillRect(from, y + height - 2, width, 2);
  if (width <= 40) return;
  const label = fit(span.label, width - 12);
  if (span.colour === 4 && label) {
    pen.fillStyle = fill;
    pen.fillRect(from + 4, y + 2, pen.measureText(label).width + 6, height - 5);
  }
  pen.fillStyle = colours.text;
  pen.fillText(label, from + 7, y + height / 2);
}

const SHAPES = ['disc', 'square', 'cross', 'triangle', 'square'];

const inkOf = row => row.state >= 0 ? colours.edge[row.state] : row.kind === 2 ? colours.loss : colours.muted;

function paintMark(row, x, y, isChosen) {
  pen.strokeStyle = pen.fillStyle = inkOf(row);
  pen.lineWidth = 2;
  const size = isChosen ? 7 : 4.5;
  pen.beginPath();
  switch (SHAPES[row.kind]) {
    case 'cross':
      pen.moveTo(x - size, y - size); pen.lineTo(x + size, y + size);
      pen.moveTo(x + size, y - size); pen.lineTo(x - size, y + size);
      pen.stroke();
      break;
    case 'square': pen.rect(x - size, y - size, 2 * size, 2 * size); pen.fill(); break;
    case 'triangle': pen.moveTo(x, y - size); pen.lineTo(x + size, y + size); pen.lineTo(x - size, y + size); pen.closePath(); pen.fill(); break;
    default: pen.arc(x, y, size, 0, 2 * Math.PI); pen.fill();
  }
  pen.lineWidth = 1;
}

/** Where marks would lie on each other they are ticks. */
function paintMarks(marks, y, height) {
  const places = [];
  for (let number = firstFrom(marks, view.from, row => row.at); number < marks.length && marks[number].at <= view.to; number++) {
    const x = xOf(marks[number].at);
    if (!places.length || x - places.at(-1).x >= 2) places.push({ x, row: marks[number] });
  }
  for (const [number, { x, row }] of places.entries()) {
    const isCrowded = Math.min(x - (places[number - 1]?.x ?? -99), (places[number + 1]?.x ?? Infinity) - x) < 7;
    if (!isCrowded) paintMark(row, x, y + height / 2, false);
    else {
      pen.fillStyle = inkOf(row);
      pen.fillRect(Math.floor(x), y + 4, 1.5, height - 8);
    }
  }
}

/** A sample holds until the next one; longer than this nothing is known. */
const HOLDS = 12e6;

/** Calls `draw(x, width, value)` in whole pixels, with the worst value of a column in each. */
function eachSample(path, column, draw) {
  const start = Math.max(0, firstFrom(path.at, view.from, at => at) - 1), right = view.left + view.width;
  let x = NaN, until = 0, worst = -1;
  for (let number = start; number < path.at.length && path.at[number] <= view.to; number++) {
    const next = number + 1 < path.at.length ? path.at[number + 1] : path.at[number] + 1e6;
    const from = Math.round(Math.max(view.left, xOf(path.at[number]))), to = Math.round(Math.min(right, xOf(next - path.at[number] > HOLDS ? path.at[number] + 1e6 : next)));
    const value = path[column][number];
    if (to < view.left) continue;
    if (from === x) {
      worst = Math.max(worst, value);
      until = Math.max(until, to);
      continue;
    }
    if (!Number.isNaN(x)) draw(x, Math.max(until - x, 1), worst);
    [x, until, worst] = [from, to, value];
  }
  if (!Number.isNaN(x)) draw(x, Math.max(until - x, 1), worst);
}

const PATH_COLOURS = [5, 1, 2, 4];

function paintPathState(path, y) {
  const bound = [];
  eachSample(path, 'bound', (x, width, is) => { if (is > 0) bound.push([x, width]); });
  eachSample(path, 'state', (x, width, state) => {
    pen.fillStyle = colours.edge[PATH_COLOURS[state] ?? 5];
    pen.fillRect(x, y + 5, width, 3);
  });
  pen.fillStyle = colours.text;
  for (const [x, width] of bound) pen.fillRect(x, y, width, 3);
}

function paintPlot(path, column, top, colour, y, height) {
  pen.fillStyle = colours.none;
  pen.fillRect(view.left, y, view.width, height);
  pen.fillStyle = pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  let lastX = NaN;
  pen.beginPath();
  eachSample(path, column, (x, width, value) => {
    if (value < 0) { lastX = NaN; return; }
    const level = y + height - 1 - Math.min(1, value / top) * (height - 3);
    if (column === 'loss') {
      if (value > 0) pen.fillRect(x, level, width, y + height - level);
      return;
    }
    if (Math.abs(lastX - x) < 1.5) pen.lineTo(x, level); else pen.moveTo(x, level);
    pen.lineTo(x + width, level);
    lastX = x + width;
  });
  pen.stroke();
  pen.lineWidth = 1;
}
