// The lanes: where each one lies, what is under the pointer, and how mouse, fingers and keys move them.
const lanes = document.getElementById('lanes');
const tip = document.getElementById('tip');
const AXIS = 24, LABEL = 15, GAP = 7, GUTTER = 196;
let layout = [];
let hover = null;

const marksOf = kinds => rows.filter(row => kinds.includes(row.kind));
const topOf = (path, column, least) => path[column].reduce((top, value) => Math.max(top, value), least);

function lanesShown() {
  const shown = data.lanes.filter(lane => lane.title.startsWith('State')).map(lane => ({ kind: 'spans', title: lane.title, node: lane.node, lane, height: 24 }));
  const marks = (title, kinds) => {
    const list = marksOf(kinds);
    if (list.length) shown.push({ kind: 'marks', title, node: '', marks: list, height: 20 });
  };
  marks('Events', [0]);
  marks('Client\'s events', [1]);
  for (const lane of data.lanes) if (!lane.title.startsWith('State')) shown.push({ kind: 'spans', title: lane.title, node: lane.node, lane, height: 24 });
  marks('Refused inputs', [2]);
  marks('Links and paths', [3, 4]);
  for (const path of data.paths) {
    const worst = path.worst > 1 ? `, worst of ${path.worst}` : '';
    shown.push({ kind: 'plot', title: `Round trip${worst}`, node: path.path, path, column: 'rtt', top: topOf(path, 'rtt', 1000), height: 58 });
    shown.push({ kind: 'plot', title: `Loss${worst}`, node: `at ${path.node}`, path, column: 'loss', top: topOf(path, 'loss', 50000), height: 30 });
  }
  return shown;
}

function place(width) {
  const gutter = width >= 760;
  view.left = gutter ? GUTTER : 6;
  view.width = Math.max(50, width - view.left - 8);
  let y = AXIS + 4;
  for (const lane of layout) {
    const labels = gutter ? 0 : LABEL + 2;
    lane.y = y + labels;
    lane.strip = lane.kind === 'plot' && lane.column === 'rtt' ? 10 : 0;
    y = lane.y + lane.strip + lane.height + GAP;
  }
  return { gutter, height: Math.max(y, 90) };
}

function paint(width, scale) {
  const { gutter, height } = place(width);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.style.height = `${height}px`;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.font = FONT;
  pen.textBaseline = 'middle';
  pen.fillStyle = colours.card;
  pen.fillRect(0, 0, width, height);
  paintAxis(height);
  for (const lane of layout) {
    paintLabel(lane, gutter, width);
    pen.save();
    pen.beginPath();
    pen.rect(view.left - 8, lane.y - 1, view.width + 16, lane.strip + lane.height + 2);
    pen.clip();
    if (lane.kind === 'spans') paintSpans(lane.lane, lane.y, lane.height);
    else if (lane.kind === 'marks') paintMarks(lane.marks, lane.y, lane.height);
    else {
      if (lane.strip) paintPathState(lane.path, lane.y);
      paintPlot(lane.path, lane.column, lane.top, lane.column === 'rtt' ? colours.round : colours.loss, lane.y + lane.strip, lane.height);
    }
    pen.restore();
  }
  paintChosen(height);
}

function paintAxis(height) {
  const { step, found } = ticks();
  pen.textAlign = 'center';
  for (const at of found) {
    const x = xOf(at), label = tickText(at, step), half = pen.measureText(label).width / 2;
    pen.fillStyle = colours.line;
    pen.fillRect(x, AXIS - 4, 1, height - AXIS + 4);
    pen.fillStyle = colours.muted;
    if (x - half > view.left - 6 && x + half < view.left + view.width + 8) pen.fillText(label, x, AXIS / 2);
  }
  pen.textAlign = 'left';
}

function paintLabel(lane, gutter, width) {
  const title = lane.title + (lane.kind === 'plot' ? ` (to ${amount(lane.column, lane.top)})` : '');
  if (gutter) {
    const middle = lane.y + lane.strip / 2 + lane.height / 2, second = lane.node ? 7 : 0;
    pen.fillStyle = colours.text;
    pen.fillText(fit(title, GUTTER - 16), 8, middle - second);
    pen.fillStyle = colours.muted;
    if (lane.node) pen.fillText(fit(lane.node, GUTTER - 16), 8, middle + 8);
    return;
  }
  pen.fillStyle = colours.muted;
  pen.fillText(fit(lane.node ? `${title}: ${lane.node}` : title, width - 14), view.left, lane.y - LABEL / 2 - 1);
}

function paintChosen(height) {
  if (hover && hover.at >= view.from && hover.at <= view.to) {
    pen.fillStyle = colours.muted;
    pen.fillRect(xOf(hover.at), AXIS, 1, height);
  }
  if (!chosen || chosen.at < view.from || chosen.at > view.to) return;
  const x = xOf(chosen.at);
  pen.fillStyle = colours.accent;
  pen.fillRect(x - 1, AXIS - 4, 2, height);
  for (const lane of layout) {
    if (lane.kind !== 'marks' || !lane.marks.includes(chosen)) continue;
    pen.fillStyle = colours.card;
    pen.fillRect(x - 10, lane.y - 1, 20, lane.height + 2);
    paintMark(chosen, x, lane.y + lane.height / 2, true);
  }
}

const amount = (column, value) => column === 'rtt' ? length(value) : `${+(value / 1e4).toFixed(2)} %`;

/** What lies at a point: a row, a span, or a plot's value. */
function under(x, y) {
  const at = atOf(x);
  for (const lane of layout) {
    if (y < lane.y - GAP / 2 || y > lane.y + lane.strip + lane.height + GAP / 2) continue;
    if (x < view.left - 6 || x > view.left + view.width + 6) return null;
    if (lane.kind === 'spans') {
      const near = lane.lane.spans.filter(span => span.from <= atOf(x + 3) && span.until >= atOf(x - 3));
      const span = near.find(one => one.colour === 4) ?? near.find(one => one.from <= at && one.until >= at) ?? near[0];
      return span ? { at, lane, span } : { at };
    }
    const list = lane.kind === 'marks' ? lane.marks : lane.path.at, read = lane.kind === 'marks' ? row => row.at : one => one;
    const right = firstFrom(list, at, read), left = Math.max(0, right - 1);
    if (lane.kind === 'plot') return list.length && read(list[left]) <= at && at - read(list[left]) <= HOLDS ? { at, lane, sample: left } : { at };
    const near = right < list.length && Math.abs(xOf(read(list[right])) - x) < Math.abs(xOf(read(list[left])) - x) ? right : left;
    return Math.abs(xOf(read(list[near])) - x) <= 9 ? { at, lane, row: list[near] } : { at };
  }
  return { at };
}

function rowOf(found) {
  if (found?.row) return found.row;
  if (!found?.span) return null;
  if (!found.lane.node) return rowOfVersion.get(found.span.version) ?? null;
  return rows.find(row => row.kind === 1 && row.node === found.lane.node && row.at >= found.span.from) ?? null;
}

const pointers = new Map();
let dragged = false;

function pointerDown(event) {
  if (event.button !== 0) return;
  pointers.set(event.pointerId, event.offsetX);
  lanes.setPointerCapture(event.pointerId);
  dragged = pointers.size > 1;
}

function pointerMove(event) {
  const before = pointers.get(event.pointerId);
  if (before === undefined) {
    hover = under(event.offsetX, event.offsetY);
    showTip(event.offsetX, event.offsetY);
    changed();
    return;
  }
  if (pointers.size > 1) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const old = Math.max(20, Math.abs(before - other)), now = Math.max(20, Math.abs(event.offsetX - other));
    zoom(old / now, atOf((event.offsetX + other) / 2));
  } else if (dragged || Math.abs(event.offsetX - before) > 4) {
    dragged = true;
    tip.hidden = true;
    lanes.classList.add('moving');
    move((before - event.offsetX) / view.width);
  } else return;
  pointers.set(event.pointerId, event.offsetX);
}

function pointerUp(event) {
  if (!pointers.delete(event.pointerId) || pointers.size) return;
  lanes.classList.remove('moving');
  if (dragged || event.type === 'pointercancel') return;
  const row = rowOf(under(event.offsetX, event.offsetY));
  if (row) choose(row);
}

function showTip(x, y) {
  const lines = hover ? tipOf(hover) : null;
  tip.hidden = !lines;
  lanes.style.cursor = rowOf(hover) ? 'pointer' : '';
  if (!lines) return;
  tip.replaceChildren(...lines);
  const width = lanes.clientWidth, own = tip.offsetWidth, high = tip.offsetHeight;
  tip.style.left = `${Math.max(4, Math.min(x + 14, width - own - 4))}px`;
  tip.style.top = `${y + high + 22 > lanes.clientHeight ? Math.max(2, y - high - 12) : y + 16}px`;
}

const KEYS = {
  ArrowLeft: event => event.shiftKey ? move(-0.2) : chooseNext(-1), ArrowRight: event => event.shiftKey ? move(0.2) : chooseNext(1),
  Home: () => chooseEnd(0), End: () => chooseEnd(-1), '+': () => zoom(0.6, middle()), '=': () => zoom(0.6, middle()), '-': () => zoom(1 / 0.6, middle()),
  '0': showWhole, Escape: () => choose(null),
};

const middle = () => chosen && chosen.at >= view.from && chosen.at <= view.to ? chosen.at : (view.from + view.to) / 2;

function laneKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  tip.hidden = true;
  KEYS[event.key](event);
}

function wheel(event) {
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoom(Math.exp(Math.min(Math.max(event.deltaY, -120), 120) * 0.004), atOf(event.offsetX));
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    move((event.deltaX || event.deltaY) / view.width);
  }
}
