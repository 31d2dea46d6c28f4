'use strict';
// The page of ``python -m mvitv2_mm demo``: sends a file, waits for the result, and shows it.

const POLL = 250;  // milliseconds

const element = id => document.getElementById(id);
let model = {};
let key = null;  // of the job that is shown or waited for
let turn = 0;  // number of the file that was dropped last
let sent = null;  // the file that was dropped last
let result = null;
let shown = 0;  // number of the record that is shown
let reason = null;  // key of the job that explains it
let picked = null;  // number of the object that is to be explained; null for the best

function make(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text ?? '';
  return made;
}

function show(id, is_shown) {
  element(id).hidden = !is_shown;
}

function fail(text) {
  element('error').textContent = text;
  show('error', Boolean(text));
}

async function ask(path, options) {
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw Error('the server does not answer; is the command still running?');
  }
  if (reply.status === 204) return null;
  const said = await reply.json().catch(() => ({error: `the server says ${reply.status}`}));
  if (!reply.ok) throw Error(said.error);
  return said;
}

const seconds = second => `${second.toFixed(2)} s`;

async function begin() {
  model = await ask('/model.json');
  document.title = `${model.name} - mvitv2_mm demo`;
  element('model').textContent = model.name;
  const known = model.num_classes ? `, ${model.num_classes} classes` : '';
  element('about').textContent =
    `Task: ${model.task}${known}; runs on ${model.device}. Files stay on this machine.`;
  element('notes').replaceChildren(...model.notes.map(note => make('li', '', note)));
  show('parts-option', model.task === 'video');
  show('every-option', !for_clips());
}

const for_clips = () => ['video', 'action_detection'].includes(model.task);

async function forget() {
  forget_reason();
  const old = key;
  key = null;
  if (old !== null) await ask(`/jobs/${old}`, {method: 'DELETE'}).catch(() => null);
}

// A button that is really disabled would lose the focus.
function hold_explain(is_held) {
  element('explain').ariaDisabled = is_held;
}

function forget_reason() {
  if (reason !== null) ask(`/jobs/${reason}`, {method: 'DELETE'}).catch(() => null);
  reason = null;
  hold_explain(false);
  element('explain-status').textContent = '';
  show('explanation', false);
}

async function send(file) {
  const mine = ++turn;
  sent = file;
  fail('');
  show('result', false);
  work('sending');
  try {
    await ready;
    await forget();
    const query = new URLSearchParams({name: file.name});
    if (model.task === 'video' && element('parts').checked) query.set('parts', '1');
    if (!for_clips()) query.set('every', element('every').value);
    if (file.size > model.megabytes * 1e6) {
      throw Error(`${file.name} is larger than ${model.megabytes} MB, which the page takes`);
    }
    const made = await ask(`/jobs?${query}`, {method: 'POST', body: file});
    if (mine !== turn) return void ask(`/jobs/${made.key}`, {method: 'DELETE'});
    key = made.key;
    await wait(made.key, () => mine === turn, tell);
    if (mine !== turn) return;
    result = await ask(`/jobs/${key}/result.json`);
    if (mine !== turn) return;
    present();
    work('done', false);
  } catch (error) {
    if (mine !== turn) return;
    fail(error.message);
    work('', false);
  }
}

// Wait for a job for as long as it is wanted, and tell how far it is.
async function wait(job_key, is_wanted, say) {
  while (is_wanted()) {
    const job = await ask(`/jobs/${job_key}`);
    if (job.state === 'done' || !is_wanted()) return;
    if (job.state === 'failed') throw Error(job.error);
    const ahead = job.before === 1 ? '1 file is' : `${job.before} files are`;
    say(job.state === 'waiting' && job.before ? `${ahead} before this one` : 'at work',
        job.progress);
    await new Promise(done => setTimeout(done, POLL));
  }
}

async function explain() {
  if (element('explain').ariaDisabled === 'true') return;
  forget_reason();
  const say = text => { element('explain-status').textContent = text; };
  const source = key;
  let mine = null;
  hold_explain(true);
  say('at work');
  try {
    const query = new URLSearchParams({record: shown});
    if (picked !== null) query.set('object', picked);
    mine = reason = (await ask(`/jobs/${source}/explanation?${query}`, {method: 'POST'})).key;
    await wait(mine, () => mine === reason, say);
    if (mine !== reason) return;
    const {name} = await ask(`/jobs/${mine}/result.json`);
    element('explanation').src = `/jobs/${mine}/explanation.png`;
    element('explanation').alt = `Heat map of where the model looks for ${name}`;
    show('explanation', true);
    say('done');
  } catch (error) {
    if (mine === reason) say(error.message);
  } finally {
    if (mine === reason) hold_explain(false);
  }
}

// Say what happens, and offer to cancel it as long as it goes on.
function work(text, is_going = true) {
  tell(text, null);
  show('progress', is_going);
  show('cancel', is_going);
}

function tell(text, progress) {
  element('status').textContent = text;
  if (progress === null) element('progress').removeAttribute('value');
  else element('progress').value = progress;
}

async function cancel() {
  ++turn;
  work('cancelling');
  element('file').focus();  // the button goes
  await forget();
  work('', false);
  fail('cancelled');
}

function present() {
  const failed = result.records.filter(record => record.error);
  if (failed.length) {
    const many = result.records.length > 1 ? `${failed.length} of ${result.records.length}: ` : '';
    fail(`${result.input}: ${many}${failed[0].error}`);
  }
  element('input').textContent = result.input;
  element('command').textContent = result.command;
  element('download').href = `/jobs/${key}/predictions.jsonl`;
  element('download').download = `${result.input}.jsonl`;
  const scrub = element('scrub');
  scrub.max = Math.max(result.pictures.length - 1, 0);
  show('scrub-row', result.pictures.length > 1);
  show('columns', result.pictures.length > 0);
  show('why', result.pictures.length > 0);
  show('result', true);
  draw_timeline();
  if (result.pictures.length) go(0);
}

function go(number) {
  const {record, second} = result.pictures[number];
  const picture = element('picture');
  if (record !== shown) forget_reason();
  shown = record;
  picked = null;
  element('scrub').value = number;
  element('scrub').setAttribute('aria-valuetext', second === null ? '' : seconds(second));
  element('time').textContent = second === null ? '' : seconds(second);
  const {width, height} = result.records[record];
  element('stage').style.width = `calc(75vh * ${width / height})`;  // tall ones fit as well
  picture.onload = () => {
    picture.classList.toggle('small', picture.naturalWidth < picture.clientWidth / 2);
    draw_objects(result.records[record]);
  };
  picture.src = `/jobs/${key}/pictures/${number}.jpg`;
  list(result.records[record], picture);
  if (second !== null) mark(second);
}

function list(record, picture) {
  const found = record.objects ?? record.classes ?? [];
  const words = found.flatMap(lines);
  picture.alt = words.slice(0, 5).join(', ') || 'nothing found';
  const {window} = record;
  const when = window?.end === undefined ? '' : `, ${seconds(window.start)} to ${seconds(window.end)}`;
  const kind = model.task === 'action_detection' ? ['person', 'people'] : ['object', 'objects'];
  element('found-title').textContent = record.objects
    ? `${found.length || 'No'} ${kind[Number(found.length !== 1)]}` : `Best classes${when}`;
  element('found').replaceChildren(...found.map((one, number) => item(one, number, record)));
  element('note').textContent = record.note ?? '';
  show('note', Boolean(record.note));
}

function item(one, number, record) {
  const whole = make('li', ''), line = make(record.objects ? 'button' : 'span', 'found');
  whole.append(line);
  if (record.objects) {
    line.type = 'button';
    line.ariaPressed = false;
    line.title = 'choose it for "Show where the model looks"';
    for (const event of ['focus', 'mouseenter']) {
      line.addEventListener(event, () => highlight(number));
    }
    for (const event of ['blur', 'mouseleave']) {
      line.addEventListener(event, () => highlight(picked));
    }
    line.addEventListener('click', () => pick(number));
  }
  for (const scored of one.actions ?? [one]) {
    const name = make('span', 'name', scored.name), level = make('span', 'level');
    level.append(make('span', ''));
    level.firstChild.style.width = `${100 * scored.score}%`;
    line.append(name, make('span', 'score', scored.score.toFixed(3)), level);
  }
  if (record.objects) {
    const swatch = make('span', 'swatch');
    swatch.style.background = color(one, number).ground;
    line.firstChild?.prepend(swatch);
  }
  return whole;
}

// What is written beside an object: its class, or what a person does.
function lines(one) {
  return (one.actions ?? [one]).map(scored => `${scored.name} ${scored.score.toFixed(2)}`);
}

// Choose an object to be explained, or none with the second click.
function pick(number) {
  picked = picked === number ? null : number;
  [...document.querySelectorAll('button.found')].forEach(
    (line, i) => { line.ariaPressed = i === picked; });
  highlight(number);
  forget_reason();
}

function highlight(number) {
  element('boxes').classList.toggle('chosen', number !== null);
  for (const part of element('boxes').children) {
    part.classList.toggle('on', Number(part.dataset.number) === number);
  }
  const objects = result.records[shown].objects;
  draw_masks(number === null ? objects : [objects[number]]);
}

// The colour of a class; people, who have none, have those of their places.
const color = (one, number) => model.palette[(one.label ?? number) % model.palette.length];
const score = one => one.score ?? one.actions[0]?.score ?? 0;

function draw_objects(record) {
  const objects = record.objects ?? [];
  const boxes = element('boxes');
  boxes.replaceChildren();
  boxes.classList.remove('chosen');
  objects.forEach((one, number) => boxes.append(box(one, number, record)));
  const tags = objects.map((one, number) => tag(one, number));
  boxes.append(...tags);
  place(tags, objects, record);
  draw_masks(objects);
}

function box(one, number, record) {
  const [left, top, right, bottom] = one.box;
  const made = make('div', 'box');
  made.dataset.number = number;
  made.title = lines(one).join(', ');
  made.style.borderColor = color(one, number).ground;
  made.style.left = `${100 * left / record.width}%`;
  made.style.top = `${100 * top / record.height}%`;
  made.style.width = `${100 * (right - left) / record.width}%`;
  made.style.height = `${100 * (bottom - top) / record.height}%`;
  return made;
}

function tag(one, number) {
  const made = make('div', 'tag', lines(one).slice(0, 3).join('\n'));
  made.dataset.number = number;
  made.style.background = color(one, number).ground;
  made.style.color = color(one, number).text;
  return made;
}

// Put each label, best first, beside its box where it covers no other; else it shows on demand.
function place(tags, objects, record) {
  const width = element('boxes').clientWidth, height = element('boxes').clientHeight;
  const taken = [];
  const order = tags.map((_, number) => number).sort((a, b) => score(objects[b]) - score(objects[a]));
  for (const number of order) {
    const made = tags[number], w = made.offsetWidth, h = made.offsetHeight;
    const [l, t, r, b] = objects[number].box.map(
      (value, i) => i % 2 ? value * height / record.height : value * width / record.width);
    const places = [[l, t - h], [l, b], [r - w, t - h], [r - w, b], [r, t], [l - w, t], [l, t]];
    const inside = places.map(([x, y]) => [Math.min(Math.max(x, 0), Math.max(width - w, 0)),
                                           Math.min(Math.max(y, 0), Math.max(height - h, 0))]);
    const free = inside.find(([x, y]) => taken.every(
      ([x2, y2, w2, h2]) => x + w <= x2 || x2 + w2 <= x || y + h <= y2 || y2 + h2 <= y));
    const [x, y] = free ?? inside[0];
    made.classList.toggle('covered', !free);
    made.style.left = `${100 * x / width}%`;
    made.style.top = `${100 * y / height}%`;
    if (free) taken.push([x, y, w, h]);
  }
}

// Run lengths of a mask, column by column, from the compressed text of COCO.
function run_lengths(text) {
  const lengths = [];
  for (let i = 0; i < text.length;) {
    let value = 0, shift = 0, part;
    do {
      part = text.charCodeAt(i++) - 48;
      value |= (part & 31) << shift;
      shift += 5;
    } while (part & 32);
    if (part & 16) value |= -1 << shift;
    lengths.push(lengths.length > 2 ? value + lengths[lengths.length - 2] : value);
  }
  return lengths;
}

function draw_masks(objects) {
  const masked = objects.filter(one => one.mask).reverse();  // the best one last
  show('masks', masked.length > 0);
  if (!masked.length) return;
  const [height, width] = masked[0].mask.size;
  const canvas = element('masks');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  for (const one of masked) {
    context.fillStyle = color(one).ground;
    let start = 0;
    run_lengths(one.mask.counts).forEach((length, i) => {
      for (let at = start; i % 2 && at < start + length;) {
        const x = Math.floor(at / height), y = at % height;
        const rows = Math.min(height - y, start + length - at);
        context.fillRect(x, y, 1, rows);
        at += rows;
      }
      start += length;
    });
  }
}

function draw_timeline() {
  const rows = result.timeline ?? [];
  show('timeline-part', rows.length > 0);
  if (!rows.length) return;
  const share = second => 100 * (second - result.start) / (result.end - result.start);
  element('from').textContent = seconds(result.start);
  element('to').textContent = seconds(result.end);
  element('timeline').replaceChildren(...rows.map(row => {
    const line = make('div', 'row'), track = make('div', 'track');
    const name = make('div', 'row-name', row.name);
    name.title = row.name;
    track.addEventListener('keydown', walk);
    for (const {start, end, score} of row.bars) {
      const bar = make('button', 'bar', share(end) - share(start) > 8 ? score.toFixed(2) : '');
      bar.type = 'button';
      bar.title = `${row.name}, ${seconds(start)} to ${seconds(end)}, score ${score.toFixed(2)}`;
      bar.setAttribute('aria-label', bar.title);
      bar.style.left = `${share(start)}%`;
      bar.style.width = `${share(end) - share(start)}%`;
      bar.addEventListener('click', () => go(nearest((start + end) / 2)));
      if (track.hasChildNodes()) bar.tabIndex = -1;
      track.append(bar);
    }
    track.append(make('div', 'now'));
    line.append(name, track);
    return line;
  }));
}

// A row of the timeline is one stop of the Tab key; arrows go along it.
function walk(event) {
  const other = {ArrowLeft: 'previousElementSibling', ArrowRight: 'nextElementSibling'}[event.key];
  if (other) event.preventDefault();
  event.target[other]?.focus();
}

function nearest(second) {
  const away = result.pictures.map(picture => Math.abs(picture.second - second));
  return away.indexOf(Math.min(...away));
}

function mark(second) {
  const share = 100 * (second - result.start) / (result.end - result.start);
  for (const line of document.querySelectorAll('.now')) line.style.left = `${share}%`;
}

function take(files) {
  if (files.length > 1) fail('drop one file at a time');
  else if (files.length) send(files[0]);
}

const ready = begin();
element('file').addEventListener('change', event => {
  take([...event.target.files]);
  event.target.value = '';  // the same file can be chosen again
});
element('scrub').addEventListener('input', event => go(Number(event.target.value)));
for (const id of ['parts', 'every']) {  // another choice, the same file
  element(id).addEventListener('change', () => sent && send(sent));
}
element('explain').addEventListener('click', explain);
element('cancel').addEventListener('click', cancel);
for (const name of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, event => {
    event.preventDefault();
    element('drop').classList.toggle('over', name === 'dragover');
    if (name === 'drop') take([...event.dataTransfer.files]);
  });
}
addEventListener('pagehide', () => {
  if (key !== null) fetch(`/jobs/${key}`, {method: 'DELETE', keepalive: true});
});
ready.catch(error => fail(error.message));
