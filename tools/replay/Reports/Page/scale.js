// Which stretch of time is shown, and where on the canvas a moment lies.
const SMALLEST = 1000;
const whole = { from: -Math.max(data.span * 0.01, SMALLEST), to: data.span + Math.max(data.span * 0.01, SMALLEST) };
const view = { from: whole.from, to: whole.to, left: 0, width: 1 };

const xOf = at => view.left + (at - view.from) / (view.to - view.from) * view.width;
const atOf = x => view.from + (x - view.left) / view.width * (view.to - view.from);

function show(from, to) {
  const size = Math.min(Math.max(to - from, SMALLEST), whole.to - whole.from);
  const start = Math.min(Math.max((from + to - size) / 2, whole.from), whole.to - size);
  view.from = start;
  view.to = start + size;
  changed();
}

const showWhole = () => show(whole.from, whole.to);

/** Zooms so that `at` stays where it is. A factor below 1 shows less. */
function zoom(factor, at) {
  const size = view.to - view.from, next = Math.min(Math.max(size * factor, SMALLEST), whole.to - whole.from);
  const from = at - (at - view.from) * (next / size);
  show(from, from + next);
}

function move(share) {
  const by = (view.to - view.from) * share;
  show(view.from + by, view.to + by);
}

function reveal(at) {
  const size = view.to - view.from;
  if (at < view.from + size * 0.02 || at > view.to - size * 0.02) show(at - size / 2, at + size / 2);
}

/** Steps that a clock's face has, in microseconds. */
const STEPS = [1e2, 2e2, 5e2, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 15e6, 3e7, 6e7, 12e7, 3e8, 6e8, 9e8, 18e8, 36e8, 72e8, 108e8, 216e8, 432e8, 864e8];

function ticks() {
  const least = (view.to - view.from) / Math.max(2, view.width / 110);
  let step = STEPS.find(one => one >= least) ?? 864e8;
  while (step < least) step *= 2;
  const found = [];
  for (let at = Math.ceil((data.start + view.from) / step) * step - data.start; at <= view.to && found.length < 100; at += step) found.push(at);
  return { step, found };
}

function tickText(at, step) {
  if (step >= 864e8) return day(at);
  const full = clock(at, false);
  if (step < 1e3) return `${full.slice(6)}${three(Math.round((data.start + at) % 1000))}`;
  return step < 1e6 ? full.slice(3) : step < 6e7 ? full.slice(0, 8) : full.slice(0, 5);
}
