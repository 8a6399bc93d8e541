// Ties the parts together: what is chosen, when to paint, the theme, the printer.
let chosen = null, painting = 0;

/** Chooses a row everywhere: the lanes show its moment, the table its line, the panel its detail. */
function choose(row) {
  chosen = row;
  if (row) reveal(row.at);
  showDetail(row);
  cut();
  if (row) scrollTo(row);
  fill();
  changed();
}

/** Paints once before the next frame, however much has changed. */
function changed() {
  painting ||= requestAnimationFrame(draw);
}

function draw() {
  painting = 0;
  if (isPrinting) return;
  paint(lanes.clientWidth, Math.min(window.devicePixelRatio || 1, 3));
  document.getElementById('shown').textContent = `${clock(Math.max(0, view.from))} to ${clock(Math.min(data.span, view.to))}, ${length(view.to - view.from)}`;
  if (within.checked && (cut.from !== view.from || cut.to !== view.to)) {
    [cut.from, cut.to] = [view.from, view.to];
    cut();
  }
}

const root = document.documentElement, themeButton = document.getElementById('theme'), system = matchMedia('(prefers-color-scheme: dark)');
let wanted = null;

function setTheme(theme) {
  root.dataset.theme = theme;
  themeButton.textContent = theme === 'dark' ? 'Light' : 'Dark';
  themeButton.setAttribute('aria-label', theme === 'dark' ? 'Light colours' : 'Dark colours');
  themeButton.setAttribute('aria-pressed', theme === 'dark');
  readColours();
  makeLegend();
  changed();
}

const preferred = () => wanted ?? (system.matches ? 'dark' : 'light');

function makeLegend() {
  const entry = (name, fill, rim) => {
    const item = element('li'), swatch = element('span', undefined, 'swatch');
    swatch.style.background = fill;
    swatch.style.borderColor = rim;
    item.append(swatch, name);
    return item;
  };
  const used = new Set(data.lanes.flatMap(lane => lane.spans.map(span => span.colour)).filter(colour => colour >= 0));
  const entries = [...used].sort().map(state => entry(data.states[state] + (state === 4 ? ' (hatched): no transport' : ''), colours.state[state], colours.edge[state]));
  if (data.paths.length) {
    entries.push(entry('path bound', colours.text, colours.text));
    for (const [number, name] of ['path not known', 'path live', 'path suspect', 'path dead'].entries())
      if (data.paths.some(path => path.state.includes(number))) entries.push(entry(name, colours.edge[PATH_COLOURS[number]], colours.edge[PATH_COLOURS[number]]));
  }
  document.getElementById('legend').replaceChildren(...entries);
}

function beforePrint() {
  setTheme('light');
  isPrinting = true;
  paint(1000, 2);
  fill();
  document.getElementById('print-note').textContent = visible.length > PRINTED ? `The first ${PRINTED} of ${visible.length} events are printed; filter or zoom to print others.` : '';
}

function afterPrint() {
  isPrinting = false;
  document.getElementById('print-note').textContent = '';
  setTheme(preferred());
  fill();
}

const on = (id, action) => document.getElementById(id).addEventListener('click', action);
on('previous', () => chooseNext(-1));
on('next', () => chooseNext(1));
on('in', () => zoom(0.6, middle()));
on('out', () => zoom(1 / 0.6, middle()));
on('earlier', () => move(-0.3));
on('later', () => move(0.3));
on('whole', showWhole);
on('theme', () => {
  wanted = preferred() === 'dark' ? 'light' : 'dark';
  setTheme(wanted);
});
system.addEventListener('change', () => setTheme(preferred()));
lanes.addEventListener('pointerdown', pointerDown);
lanes.addEventListener('pointermove', pointerMove);
lanes.addEventListener('pointerup', pointerUp);
lanes.addEventListener('pointercancel', pointerUp);
lanes.addEventListener('pointerleave', () => {
  hover = null;
  tip.hidden = true;
  changed();
});
lanes.addEventListener('dblclick', event => zoom(0.4, atOf(event.offsetX)));
lanes.addEventListener('wheel', wheel, { passive: false });
lanes.addEventListener('keydown', laneKey);
table.addEventListener('keydown', tableKey);
table.addEventListener('scroll', fill, { passive: true });
body.addEventListener('click', event => {
  const line = event.target.closest('.row');
  if (line) choose(rows[line.dataset.place]);
});
find.addEventListener('input', filter);
nodes.addEventListener('change', filter);
within.addEventListener('change', cut);
addEventListener('beforeprint', beforePrint);
addEventListener('afterprint', afterPrint);

root.dataset.ready = '';
layout = lanesShown();
makeFilter();
setTheme(preferred());
filter();
new ResizeObserver(() => {
  changed();
  if (!isPrinting) fill();
}).observe(lanes);
draw();
root.dataset.ready = Math.round(performance.now());
