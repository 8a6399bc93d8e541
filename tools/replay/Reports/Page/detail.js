// What is said about one event: in the tip at the pointer, and whole beside the table.
function element(name, content, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

const detail = document.getElementById('detail');

function command(row) {
  if (row.cause < 0) return null;
  try {
    return JSON.parse(text(row.cause));
  } catch {
    return null;
  }
}

function* pairs(list, size) {
  for (let number = 0; number < list.length; number += size) yield list.slice(number, number + size).map(text);
}

const headline = row => (row.version > 0 ? `Version ${row.version}: ` : '') + row.reason;

function tipOf(found) {
  const row = rowOf(found), lines = [];
  if (found.span) {
    const { label, what, from, until } = found.span;
    lines.push(element('strong', label), element('p', `${clock(from)} to ${clock(until)}, ${length(until - from)}`));
    if (what) lines.push(element('p', what, 'quiet'));
  } else if (found.sample !== undefined) {
    const { path } = found.lane, number = found.sample;
    lines.push(element('strong', `${path.path} at ${path.node}`), element('p',
      `${path.rtt[number] < 0 ? 'round trip not known' : 'round trip ' + length(path.rtt[number])}, loss ${amount('loss', path.loss[number])}`));
    lines.push(element('p', `${['Unknown', 'Live', 'Suspect', 'Dead'][path.state[number]]}${path.bound[number] ? ', bound' : ''}, ${clock(path.at[number])}`, 'quiet'));
  }
  if (!row) return lines.length ? lines : null;
  lines.push(element('strong', headline(row)), element('p', `${clock(row.at)} UTC, ${row.node}${row.state >= 0 ? ', ' + data.states[row.state] : ''}`), element('p', row.what));
  const cause = command(row);
  if (cause) lines.push(element('p', `cause: ${cause.command ?? 'a command'}`, 'quiet'));
  let left = 4;
  for (const [name, before, after] of pairs(row.changes, 3)) if (left-- > 0) lines.push(element('p', `${name}: ${before} \u2192 ${after}`, 'quiet'));
  return lines;
}

function showDetail(row) {
  if (!row) {
    detail.replaceChildren(element('p', 'Select an event in the timeline or the table.', 'quiet'));
    return;
  }
  const shown = [element('h3', headline(row))];
  shown.push(element('p', `${clock(row.at, true)} UTC, ${length(row.at)} after the start`, 'quiet'));
  shown.push(element('p', `${row.state >= 0 ? data.states[row.state] + '. ' : ''}${row.what}`));
  if (row.changes.length) {
    shown.push(element('h4', 'What changed'));
    const table = element('table'), body = element('tbody');
    for (const [name, before, after] of pairs(row.changes, 3)) {
      const line = element('tr');
      line.append(element('td', name), element('td', before === '-' ? after : `${before} \u2192 ${after}`));
      body.append(line);
    }
    table.append(body);
    shown.push(table);
  }
  if (row.cause >= 0) {
    const cause = command(row);
    shown.push(element('h4', `Cause${cause?.command ? ': ' + cause.command : ''}`), element('pre', cause ? JSON.stringify(cause, null, 1) : text(row.cause)));
  }
  shown.push(element('h4', 'Known of it'));
  const list = element('dl');
  list.append(element('dt', 'node'), element('dd', row.node));
  for (const [name, value] of pairs(row.facts, 2)) list.append(element('dt', name), element('dd', value));
  shown.push(list);
  detail.replaceChildren(...shown);
  detail.scrollTop = 0;
}
