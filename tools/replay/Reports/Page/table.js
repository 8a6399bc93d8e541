// The event table: filtered, in step with the timeline, and with no more rows in the page than are seen.
const table = document.getElementById('table');
const body = document.getElementById('rows');
const find = document.getElementById('find');
const within = document.getElementById('within');
const nodes = document.getElementById('node');
const PRINTED = 1000;
const kinds = new Set(KINDS.keys());
let matching = rows, visible = rows, isPrinting = false;

const hay = row => row.hay ??= `${row.version || ''} ${row.node} ${row.reason} ${row.state < 0 ? '' : data.states[row.state]} ${row.what}`.toLowerCase();

function filter() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  matching = rows.filter(row => kinds.has(row.kind) && (!nodes.value || row.node === nodes.value) && words.every(word => hay(row).includes(word)));
  cut();
}

/** The matching rows that the timeline shows. */
function cut() {
  visible = within.checked
    ? matching.slice(firstFrom(matching, view.from, row => row.at), firstFrom(matching, view.to + 1, row => row.at))
    : matching;
  document.getElementById('count').textContent = `${visible.length.toLocaleString('en')} of ${rows.length.toLocaleString('en')} events`;
  table.setAttribute('aria-rowcount', visible.length + 1);
  fill();
}

const narrow = matchMedia('(max-width: 760px)');
const rowHeight = () => narrow.matches && !isPrinting ? 56 : 30;
const headHeight = () => narrow.matches ? 0 : 30;

/** Puts the rows into the page that can be seen, and a few around them. */
function fill() {
  const high = rowHeight();
  // As high as all rows need, whatever is filtered out now: nothing below it moves.
  table.style.height = `${rows.length * high + headHeight() + 2}px`;
  let first = Math.max(0, Math.floor(table.scrollTop / high) - 6), last = Math.min(visible.length, first + Math.ceil(table.clientHeight / high) + 14);
  if (isPrinting) [first, last] = [0, Math.min(visible.length, PRINTED)];
  body.style.height = `${visible.length * high}px`;
  const made = [];
  for (let number = first; number < last; number++) made.push(lineOf(visible[number], number, high));
  body.replaceChildren(...made);
  table.setAttribute('aria-activedescendant', chosen && made.some(line => line.id === `row${chosen.place}`) ? `row${chosen.place}` : '');
}

function lineOf(row, number, high) {
  const line = element('div', undefined, 'row');
  line.id = `row${row.place}`;
  line.dataset.place = row.place;
  line.setAttribute('role', 'row');
  line.setAttribute('aria-rowindex', number + 2);
  line.setAttribute('aria-selected', row === chosen);
  line.style.transform = `translateY(${number * high}px)`;
  const state = row.state < 0 ? element('span', '') : element('span', data.states[row.state], `state state${row.state}`);
  for (const cell of [element('span', row.version || ''), element('span', clock(row.at)), element('span', length(row.at)), state, element('span', row.node), element('span', row.reason), element('span', row.what)]) {
    cell.setAttribute('role', 'gridcell');
    line.append(cell);
  }
  return line;
}

function scrollTo(row) {
  const number = visible.indexOf(row), high = rowHeight(), head = headHeight();
  if (number < 0) return;
  const top = number * high, room = table.clientHeight - head;
  if (top < table.scrollTop) table.scrollTop = top;
  else if (top + high > table.scrollTop + room) table.scrollTop = top + high - room;
}

/** The matching row before or after the chosen one, whether the timeline shows it now or not. */
function chooseNext(by) {
  if (!matching.length) return;
  let number;
  if (!chosen) number = by > 0 ? firstFrom(matching, view.from, row => row.at) : firstFrom(matching, view.to, row => row.at) - 1;
  else {
    const at = matching.indexOf(chosen);
    number = at >= 0 ? at + by : by > 0 ? matching.findIndex(row => row.place > chosen.place) : matching.findLastIndex(row => row.place < chosen.place);
    if (at < 0 && number < 0) number = by > 0 ? matching.length - 1 : 0;
  }
  choose(matching[Math.min(Math.max(number, 0), matching.length - 1)]);
}

const chooseEnd = place => matching.length && choose(matching.at(place));

function tableKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor(table.clientHeight / rowHeight()) - 2);
  const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page }[event.key];
  if (by) chooseNext(by);
  else if (event.key === 'Home') chooseEnd(0);
  else if (event.key === 'End') chooseEnd(-1);
  else if (event.key === 'Escape') choose(null);
  else return;
  event.preventDefault();
}

function makeFilter() {
  const present = new Set(rows.map(row => row.kind));
  for (const [kind, name] of KIND_NAMES.entries()) {
    if (!present.has(kind)) continue;
    const box = element('input'), label = element('label');
    box.type = 'checkbox';
    box.checked = true;
    box.addEventListener('change', () => {
      if (box.checked) kinds.add(kind); else kinds.delete(kind);
      filter();
    });
    label.append(box, ` ${name}`);
    document.getElementById('kinds').append(label);
  }
  const names = [...new Set(rows.map(row => row.node))].sort();
  for (const name of ['', ...names]) {
    const option = element('option', name || 'all nodes');
    option.value = name;
    nodes.append(option);
  }
  document.getElementById('node-label').hidden = names.length < 2;
}
