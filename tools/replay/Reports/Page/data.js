'use strict';
// What the page is about. All texts are put into the page as text, never as markup.
const data = JSON.parse(document.getElementById('data').textContent);
const text = number => number < 0 ? '' : data.texts[number];
const KINDS = ['session', 'client', 'refused', 'link', 'recorder'];
const KIND_NAMES = ['session\'s versions', 'client\'s view', 'refused inputs', 'links and paths', 'recorder'];

const rows = data.rows.map((row, place) => ({
  place, at: row[0], kind: row[1], version: row[2], state: row[3], node: text(row[4]), reason: text(row[5]), what: text(row[6]),
  cause: row[7], facts: row[8], changes: row[9],
}));
data.rows = null;

const rowOfVersion = new Map();
for (const row of rows) if (row.kind === 0 && !rowOfVersion.has(row.version)) rowOfVersion.set(row.version, row);

for (const lane of data.lanes) {
  lane.node = text(lane.node);
  lane.spans = lane.spans.map(span => ({ from: span[0], until: span[1], version: span[2], label: text(span[3]), colour: span[4], what: text(span[5]) }));
}
for (const path of data.paths) {
  path.node = text(path.node);
  path.path = text(path.path);
  let at = 0;
  path.at = path.t.map(since => at += since);
}

/** The first place in an ascending list whose time is not before `at`. */
function firstFrom(list, at, read) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (read(list[middle]) < at) low = middle + 1; else high = middle;
  }
  return low;
}

const two = number => String(number).padStart(2, '0');
const three = number => String(number).padStart(3, '0');

/** UTC of a moment given in microseconds since the start. */
function clock(at, withDate) {
  const date = new Date((data.start + at) / 1000);
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}.${three(date.getUTCMilliseconds())}`;
  return withDate ? `${day(at)} ${time}` : time;
}

function day(at) {
  const date = new Date((data.start + at) / 1000);
  return `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
}

/** A length of time in microseconds, with the unit that fits. */
function length(micros) {
  if (micros < 1000) return `${Math.round(micros)} \u00b5s`;
  if (micros < 1e6) return `${+(micros / 1e3).toPrecision(4)} ms`;
  if (micros < 12e7) return `${+(micros / 1e6).toFixed(3)} s`;
  if (micros < 72e8) return `${Math.floor(micros / 6e7)} min ${Math.round(micros / 1e6) % 60} s`;
  return `${Math.floor(micros / 36e8)} h ${Math.floor(micros / 6e7) % 60} min`;
}
