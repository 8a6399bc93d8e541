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

/** Outages last and at least this wide, so that no zoom hides one. */
function paintSpans(lane, y, height) {
  paintSome(lane.spans.filter(span => span.colour !== 4), y, height, 1);
  paintSome(lane.spans.filter(span => span.colour === 4), y, height, 2.5);
}

function paintSome(spans, y, height, least) {
  const right = view.left + view.width;
  let covered = -1;
  for (const span of spans) {
    if (span.until < view.from || span.from > view.to) continue;
    const from = Math.max(xOf(span.from), view.left), to = Math.max(Math.min(xOf(span.until), right), from + least);
    // Thousands of spans within one pixel are one bar.
    if (to <= covered) continue;
    covered = Math.floor(to);
    const [fill, rim] = colourOf(span.colour, span.label), width = to - from;
    pen.fillStyle = fill;
    pen.fillRect(from, y, width, height);
    if (span.colour === 4 && width > 3) hatch(from, y, width, height, rim);
    pen.fillStyle = rim;
    pen.fillRect(from, y, Math.min(width, 2), height);
    pen.fillRect(from, y + height - 2, width, 2);
    if (width > 40) {
      const label = fit(span.label, width - 12);
      if (span.colour === 4 && label) {
        pen.fillStyle = fill;
        pen.fillRect(from + 4, y + 2, pen.measureText(label).width + 6, height - 5);
      }
      pen.fillStyle = colours.text;
      pen.fillText(label, from + 7, y + height / 2);
    }
  }
}

const SHAPES = ['disc', 'square', 'cross', 'triangle', 'square'];

function paintMark(row, x, y, isChosen) {
  const rim = row.state >= 0 ? colours.edge[row.state] : row.kind === 2 ? colours.loss : colours.muted;
  pen.strokeStyle = pen.fillStyle = rim;
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

function paintMarks(marks, y, height) {
  let last = -100, number = firstFrom(marks, view.from, row => row.at);
  for (; number < marks.length && marks[number].at <= view.to; number++) {
    const x = xOf(marks[number].at);
    if (x - last < 2) continue;
    last = x;
    paintMark(marks[number], x, y + height / 2, false);
  }
}

/** A sample holds until the next one; longer than this nothing is known. */
const HOLDS = 12e6;

/** Calls `draw(x, width, value)` for each pixel's worst value of a column. */
function eachSample(path, column, draw) {
  const start = Math.max(0, firstFrom(path.at, view.from, at => at) - 1), right = view.left + view.width;
  let x = NaN, until = 0, worst = -1;
  for (let number = start; number < path.at.length && path.at[number] <= view.to; number++) {
    const next = number + 1 < path.at.length ? path.at[number + 1] : path.at[number] + 1e6;
    const from = Math.max(view.left, xOf(path.at[number])), to = Math.min(right, xOf(next - path.at[number] > HOLDS ? path.at[number] + 1e6 : next));
    const value = path[column][number];
    if (to < view.left) continue;
    if (Math.floor(from) === Math.floor(x)) {
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
