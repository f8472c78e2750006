// The console's page. Everything shown comes from /api/stream and a few GETs; text goes in through
// textContent only, so that no label can ever become markup.

const $ = (id) => document.getElementById(id);
const QUESTIONS_SHOWN = 12;
/** Silence for this long on a stream that speaks each 2 s: the connection is gone. */
const SILENCE_MS = 7_000;
const PICTURE_INTERVAL_MS = 120;
const OLD_PICTURE_MS = 10_000;

const state = {
  token: null,
  link: 'connecting',
  status: null,
  clockOffsetMs: 0,
  camera: null,
  /** What the viewer shows: the live picture, or a sample that asks (or is corrected). */
  view: { kind: 'live' },
  /** The frame whose picture is on the screen. */
  frame: null,
  /** Why the picture stands still: null, 'press', 'typing' or 'held'. */
  hold: null,
  busy: false,
  waiting: [],
  reports: [],
  heads: [],
};

// --- Small tools ---------------------------------------------------------------------------------

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'text') node.textContent = value;
    else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const signatures = new Map();

/** Rebuilds a part of the page only when its data changed, so that focus and selection stay. */
function build(id, data, make) {
  const signature = JSON.stringify(data);
  if (signatures.get(id) === signature) return;
  signatures.set(id, signature);
  $(id).replaceChildren(...make().filter((node) => node !== null));
}

/** What is out of order, and what to do about it. */
function renderAlarms(alarms) {
  $('alarms').hidden = alarms.length === 0;
  build('alarms', alarms, () =>
    alarms.map(({ severity, code, message, remedy }) =>
      el(
        'li',
        { 'data-severity': severity },
        el('strong', { text: message }),
        el('span', { text: ` ${remedy} (${code})` }),
      ),
    ),
  );
}

const text = (id, value) => {
  if ($(id).textContent !== value) $(id).textContent = value;
};
const percent = (share) => `${Math.round(share * 100)}%`;
const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;
const robotNowMs = () => Date.now() + state.clockOffsetMs;

function duration(seconds) {
  if (seconds < 1) return 'under 1 s';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

function ago(time) {
  const seconds = (robotNowMs() - new Date(time).getTime()) / 1_000;
  return seconds < 5 ? 'just now' : `${duration(seconds)} ago`;
}

// --- Talking to the robot ------------------------------------------------------------------------

class Refusal extends Error {
  constructor(status, { code, message, remedy }) {
    super(`${message.charAt(0).toUpperCase()}${message.slice(1)}. ${remedy}`);
    this.status = status;
    this.code = code;
  }
}

async function call(path, options = {}) {
  const headers = { ...options.headers };
  if (state.token !== null) headers.authorization = `Bearer ${state.token}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: 'no-store' });
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new Refusal(0, {
      code: 'OFFLINE',
      message: 'the robot does not answer',
      remedy: 'Come closer or check the network.',
    });
  }
  if (response.ok) return response;
  if (response.status === 401) askForToken('That token is not right.');
  const { error } = await response.json().catch(() => ({
    error: { code: 'HTTP', message: `answer ${response.status}`, remedy: 'Try again.' },
  }));
  throw new Refusal(response.status, error);
}

async function get(path) {
  return (await call(path)).json();
}

async function post(path, body) {
  const headers = { 'content-type': 'application/json', 'x-headland': '1' };
  return (await call(path, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

// --- The event stream, with reconnection ---------------------------------------------------------

let streamAbort = null;
let attempts = 0;

async function listen() {
  for (;;) {
    const abort = new AbortController();
    streamAbort = abort;
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    heard();
    try {
      const response = await call('/api/stream', { signal: abort.signal });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let buffer = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard();
        buffer += value;
        const blocks = buffer.split('\n\n');
        buffer = blocks.pop();
        for (const block of blocks) receive(block);
      }
    } catch (error) {
      if (error.status === 401) return;
      if (error.status === 503) say(error.message, { problem: true });
    } finally {
      clearTimeout(silence);
    }
    setLink('lost');
    const delayMs = Math.min(8_000, 500 * 2 ** attempts) * (0.5 + Math.random() / 2);
    attempts += 1;
    await new Promise((resolve) => {
      setTimeout(resolve, delayMs);
      document.addEventListener('visibilitychange', resolve, { once: true });
    });
  }
}

function receive(block) {
  const type = /^event: (\w+)$/m.exec(block)?.[1];
  const line = /^data: (.*)$/m.exec(block)?.[1];
  if (type === undefined || line === undefined) return;
  const data = JSON.parse(line);
  if (type === 'status') {
    state.clockOffsetMs = data.nowMs - Date.now();
    setStatus(data);
    if (state.link !== 'live') {
      attempts = 0;
      setLink('live');
      refreshLists();
    }
  } else if (type === 'training' && state.status !== null) {
    setStatus({ ...state.status, training: data });
  } else if (type === 'decision' && data.camera === state.camera) {
    pullPicture();
  }
}

function setLink(link) {
  state.link = link;
  $('link').dataset.state = link;
  text('link-text', { live: 'Live', lost: 'Reconnecting', connecting: 'Connecting' }[link]);
  renderViewer();
  renderTraining();
}

function setStatus(status) {
  const before = state.status;
  state.status = status;
  if (!status.cameras.some(({ name }) => name === state.camera)) {
    state.camera = status.cameras[0]?.name ?? null;
  }
  const marks = ({ samples, head, training }) => [
    `${samples.waiting} ${samples.labelled}`,
    `${head?.version} ${training?.running}`,
  ];
  if (before !== null) {
    const [queueBefore, headsBefore] = marks(before);
    const [queueNow, headsNow] = marks(status);
    if (queueBefore !== queueNow) refreshWaiting();
    if (headsBefore !== headsNow) refreshTrainings();
  }
  renderAll();
}

function refreshLists() {
  refreshWaiting();
  refreshTrainings();
}

/** Runs at most one at a time; a request meanwhile leads to one more run. */
function oneAtATime(work) {
  let running = false;
  let again = false;
  return async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        await work();
      } while (again);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    } finally {
      running = false;
    }
  };
}

const refreshWaiting = oneAtATime(async () => {
  state.waiting = (await get(`/api/waiting?limit=${QUESTIONS_SHOWN}`)).samples;
  renderQueue();
});

const refreshTrainings = oneAtATime(async () => {
  const [{ reports }, { heads }] = await Promise.all([get('/api/reports'), get('/api/heads')]);
  Object.assign(state, { reports, heads });
  renderTraining();
  renderHoldout();
  renderHeads();
});

// --- The picture ---------------------------------------------------------------------------------

let lastPullMs = 0;

const pullPicture = oneAtATime(async () => {
  if (!mayMove()) return;
  const pauseMs = lastPullMs + PICTURE_INTERVAL_MS - performance.now();
  if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  lastPullMs = performance.now();
  const { camera } = state;
  const response = await call(`/api/frame.jpg?camera=${encodeURIComponent(camera)}`);
  if (response.status === 204) return;
  const frame = JSON.parse(decodeURIComponent(response.headers.get('x-headland-frame')));
  if (frame.frameId === state.frame?.frameId && state.frame.kind === 'live') return;
  const image = await decode(await response.blob());
  // The person may have pressed a label meanwhile: what they saw must stay.
  if (!mayMove() || camera !== state.camera) return URL.revokeObjectURL(image.src);
  showImage(image, `Live picture of camera ${camera}`);
  state.frame = { ...frame, kind: 'live' };
  renderViewer();
});

function mayMove() {
  return (
    state.view.kind === 'live' && state.hold === null && state.camera !== null && !document.hidden
  );
}

async function decode(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(image.src);
    throw new Refusal(0, {
      code: 'PICTURE',
      message: 'the browser cannot show this picture',
      remedy: 'Look at the camera in Health.',
    });
  }
  return image;
}

/** Swaps picture and frame in one step: there is no moment in which they differ. */
function showImage(image, description) {
  const old = $('picture');
  image.id = 'picture';
  image.alt = description;
  old.replaceWith(image);
  if (old.src.startsWith('blob:')) URL.revokeObjectURL(old.src);
}

function setHold(hold) {
  if (state.hold === hold) return;
  state.hold = hold;
  renderViewer();
  if (hold === null) pullPicture();
}

async function openSample(id, guess, kind) {
  try {
    const image = await decode(await (await call(`/api/samples/${id}/picture`)).blob());
    state.view = { kind, id, guess };
    state.frame = { kind };
    state.hold = null;
    showImage(image, kind === 'question' ? 'Picture that asks for a label' : 'Labelled picture');
  } catch (error) {
    say(error.message, { problem: true });
    backToLive();
  }
  renderViewer();
  renderQueue();
}

function backToLive() {
  state.view = { kind: 'live' };
  state.frame = null;
  state.hold = null;
  renderViewer();
  renderQueue();
  pullPicture();
}

function nextQuestion() {
  const at = state.waiting.findIndex(({ id }) => id === state.view.id);
  const next = state.waiting[at + 1] ?? state.waiting[0];
  if (next !== undefined && next.id !== state.view.id) openSample(next.id, next.guess, 'question');
}

/** Whether any head answers: a trained one, or one that the first labels made. */
function serves() {
  return state.status.head !== null || state.status.learnt !== null;
}

/** What serves, in a line. */
function headLine({ head, learnt, trust }) {
  if (head === null && learnt === null) return 'No head yet';
  const parts = [
    head === null ? 'First labels' : `Head ${head.version}`,
    plural((learnt?.classes ?? head.labels).length, 'label'),
    ...(head !== null && head.holdoutMacroF1 !== null
      ? [`F1 ${percent(head.holdoutMacroF1)}`]
      : []),
    ...(learnt !== null ? [`${plural(learnt.labels, 'frame')} learnt at once`] : []),
    ...(trust !== null ? [trust] : []),
  ];
  return parts.join(' · ');
}

/** What is missing until there is a head: a headline and what more there is to say. */
function noHead() {
  const { samples, training } = state.status;
  if (training === null) return ['No head yet', 'This robot does not train itself.'];
  if (training.running) return ['No head yet', 'The first training runs.'];
  const kinds = samples.classes.length;
  const { instantLabelsPerClass } = training;
  if (instantLabelsPerClass !== null) {
    const ready = samples.classes.filter((c) => c.training + c.holdout >= instantLabelsPerClass);
    if (ready.length < 2) {
      return [
        `No head yet: label ${instantLabelsPerClass} frames each of two kinds`,
        'The first labels make a head at once.',
      ];
    }
  }
  const missing = Math.max(
    training.minLabels - samples.labelled,
    training.everyNewLabels > 0 ? training.everyNewLabels - training.newLabels : 0,
  );
  if (missing > 0) {
    const headline = `No head yet: label ${missing} more frame${missing === 1 ? '' : 's'}`;
    return [headline, kinds < 2 ? 'Of at least two kinds.' : ''];
  }
  return kinds < 2
    ? ['No head yet: label a second kind', 'A head tells kinds apart.']
    : ['No head yet', 'There are labels enough: press Train now.'];
}

function mayTrain() {
  const { training, samples } = state.status;
  return (
    training !== null &&
    !training.running &&
    state.link === 'live' &&
    samples.labelled >= training.minLabels &&
    samples.classes.length >= 2
  );
}

function renderViewer() {
  const { status, view, frame } = state;
  if (status === null) return;
  const live = view.kind === 'live';
  const shown = frame !== null && frame.kind === view.kind;
  const empty = !$('picture').hasAttribute('src');
  $('picture').hidden = empty;
  $('nothing').hidden = !empty;
  text(
    'nothing',
    status.cameras.length === 0 ? 'No camera is configured.' : 'Waiting for the first picture…',
  );
  const held = live && state.hold !== null;
  $('viewer').dataset.held = String(held);
  $('viewer').dataset.dim = String(live && state.link === 'lost');
  $('hold').hidden = !live || !shown;
  $('hold').setAttribute('aria-pressed', String(held));
  text('hold', held ? 'Held' : 'Hold');
  $('back').hidden = live;
  $('simulated').hidden = !status.simulated;
  renderAlarms(status.alarms);
  renderCameras();
  renderAge();
  renderDecision(shown && live ? frame.decision : null);
  text('pad-title', view.kind === 'correction' ? 'What is it really?' : 'What is it?');
  text(
    'pad-hint',
    {
      live: 'A press labels exactly the picture you see.',
      question: 'The robot was not sure of this picture.',
      correction: 'A press replaces the label of this picture.',
    }[view.kind],
  );
  for (const control of $('pad').querySelectorAll('button, input')) {
    control.disabled = !shown || state.busy;
  }
}

function renderCameras() {
  const names = state.status.cameras.map(({ name }) => name);
  build('cameras', [names, state.camera, state.view.kind], () =>
    names.length < 2 || state.view.kind !== 'live'
      ? []
      : names.map((name) =>
          el('button', {
            class: 'chip',
            type: 'button',
            'aria-pressed': String(name === state.camera),
            text: name,
            onclick: () => {
              state.camera = name;
              state.frame = null;
              setHold(null);
              renderViewer();
              pullPicture();
            },
          }),
        ),
  );
}

/** Says so whenever what the viewer shows is not what the camera sees now. */
function renderAge() {
  const { frame, view, link, hold } = state;
  const ageMs = frame?.kind === 'live' ? robotNowMs() - frame.capturedAtMs : 0;
  let words = '';
  if (view.kind === 'live' && $('picture').hasAttribute('src')) {
    if (frame === null) words = 'Waiting for the camera';
    else if (ageMs > OLD_PICTURE_MS && hold === null) {
      words = `Picture ${duration(ageMs / 1_000)} old`;
    } else if (link === 'lost') words = 'Not live';
  }
  $('stale').hidden = words === '';
  text('stale', words);
}

function renderDecision(decision) {
  const { view, status } = state;
  const panel = $('decision');
  let [kind, label, probability, note] = ['none', '', '', ''];
  if (view.kind === 'question') {
    kind = 'question';
    label = 'Asks for a label';
    note = view.guess
      ? `The head thought ${view.guess.label}, ${percent(view.guess.probability)}.`
      : 'It was kept before there was a head.';
  } else if (view.kind === 'correction') {
    kind = 'question';
    label = 'Correct the label';
  } else if (status.state === 'paused') {
    label = 'Paused';
    note = 'No frame is judged until the robot is resumed.';
  } else if (decision !== null) {
    kind = decision.label === 'unknown' ? 'unknown' : 'known';
    label = decision.label;
    const others = decision.top.filter((entry) => kind === 'unknown' || entry.label !== label);
    const list = others.map((entry) => `${entry.label} ${percent(entry.probability)}`).join(', ');
    if (kind === 'known') {
      probability = percent(decision.probability);
      if (decision.guess) label = `${label}?`;
      note = [
        decision.guess ? 'A guess: too few labels to be sure.' : '',
        list === '' ? '' : `Or ${list}`,
      ]
        .filter((words) => words !== '')
        .join(' ');
    } else {
      note = list === '' ? '' : `Nearest: ${list}`;
    }
  } else {
    [label, note] = serves() ? ['Not judged yet', ''] : noHead();
  }
  panel.hidden = state.frame === null && view.kind === 'live' && serves();
  panel.dataset.kind = kind;
  text('decision-label', label);
  text('decision-probability', probability);
  text('decision-note', note);
  $('decision-bar').style.width = percent(
    kind === 'unknown' ? (decision.top[0]?.probability ?? 0) : (decision?.probability ?? 0),
  );
}

// --- Labelling -----------------------------------------------------------------------------------

function knownLabels() {
  const { head, samples } = state.status;
  const names = new Set([...(head?.labels ?? []), ...samples.classes.map(({ label }) => label)]);
  return [...names].sort((a, b) => a.localeCompare(b));
}

function renderLabels() {
  const labels = knownLabels();
  build('labels', labels, () =>
    labels.map((label, index) =>
      el(
        'button',
        {
          type: 'button',
          'data-label': label,
          onpointerdown: () => freeze('press'),
          onclick: () => submitLabel(label),
        },
        el('span', { text: label }),
        index < 9 ? el('kbd', { text: String(index + 1), 'aria-hidden': 'true' }) : null,
      ),
    ),
  );
  $('new-label-text').placeholder =
    labels.length === 0 ? 'Type what you see: maize, for example' : 'Something else…';
  build('known-labels', labels, () => labels.map((label) => el('option', { value: label })));
}

let releaseTimer;

/** Stops the picture at the moment of the press; a press that leads to nothing lets it go on. */
function freeze(why) {
  if (state.view.kind !== 'live' || state.frame === null || state.hold === 'held') return;
  clearTimeout(releaseTimer);
  setHold(why);
  if (why === 'press') {
    releaseTimer = setTimeout(() => {
      if (state.hold === 'press' && !state.busy) setHold(null);
    }, 2_000);
  }
}

async function submitLabel(label) {
  const { view } = state;
  if (state.busy || label === '' || state.frame === null) return;
  freeze('press');
  state.busy = true;
  const body =
    view.kind === 'live' ? { frameId: state.frame.frameId, label } : { sampleId: view.id, label };
  try {
    const { sampleId } = await post('/api/label', body);
    const button = [...$('labels').children].find((node) => node.dataset.label === label);
    button?.classList.add('done');
    setTimeout(() => button?.classList.remove('done'), 700);
    say(`Labelled ${label}`, {
      action: 'Change',
      onAction: () => openSample(sampleId, null, 'correction'),
    });
    state.busy = false;
    if (view.kind === 'question') {
      const answered = state.waiting.findIndex(({ id }) => id === view.id);
      const next = state.waiting[answered + 1] ?? state.waiting[answered - 1];
      state.waiting = state.waiting.filter(({ id }) => id !== view.id);
      if (next === undefined) backToLive();
      else openSample(next.id, next.guess, 'question');
    } else if (view.kind === 'correction') {
      backToLive();
    } else {
      setTimeout(() => setHold(null), 350);
    }
  } catch (error) {
    state.busy = false;
    setHold(null);
    say(error.message, { problem: true });
  }
  renderViewer();
}

// --- Cards ---------------------------------------------------------------------------------------

/** Object URLs of the thumbnails on the page, by sample. */
const thumbs = new Map();

async function loadThumb(id, image) {
  try {
    if (!thumbs.has(id)) {
      const blob = await (await call(`/api/samples/${id}/picture`)).blob();
      if (!thumbs.has(id)) thumbs.set(id, URL.createObjectURL(blob));
    }
    image.src = thumbs.get(id);
    image.hidden = false;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function renderQueue() {
  if (state.status === null) return;
  const total = Math.max(state.status.samples.waiting, state.waiting.length);
  text('queue-count', total > 0 ? `${total} waiting` : '');
  text(
    'queue-hint',
    total > 0
      ? 'Pictures that the robot would learn most from.'
      : 'Nothing to ask. Pictures that it is unsure of will gather here.',
  );
  const { waiting, view } = state;
  for (const [id, url] of thumbs) {
    if (waiting.some((sample) => sample.id === id)) continue;
    URL.revokeObjectURL(url);
    thumbs.delete(id);
  }
  build('thumbs', waiting, () =>
    waiting.map(({ id, guess, camera }) => {
      const image = el('img', { alt: '', hidden: true });
      loadThumb(id, image);
      const caption = guess ? `${guess.label}?` : 'no guess';
      return el(
        'li',
        {},
        el(
          'button',
          {
            type: 'button',
            'data-id': id,
            'aria-label': `Answer: ${caption} Camera ${camera}`,
            onclick: () => openSample(id, guess, 'question'),
          },
          image,
          el('span', { text: caption }),
        ),
      );
    }),
  );
  for (const button of $('thumbs').querySelectorAll('button')) {
    button.setAttribute('aria-current', String(button.dataset.id === view.id));
  }
}

function progress(share, label) {
  const bar = el('i');
  bar.style.width = percent(Math.max(0, Math.min(1, share)));
  return el('div', { class: 'progress', role: 'img', 'aria-label': label }, bar);
}

function renderTraining() {
  const { status, reports } = state;
  if (status === null) return;
  const { training, head, samples, next } = status;
  $('train').hidden = training === null;
  $('train').disabled = !mayTrain();
  text('train', training?.running ? 'Training…' : 'Train now');
  const shown = [training, head?.version, samples.labelled, samples.classes.length, next];
  build('training-now', shown, () => {
    if (training === null) return [el('p', { class: 'empty', text: 'This robot does not train.' })];
    if (training.running) {
      const share = training.total > 0 ? training.done / training.total : 0;
      const eta = training.etaSeconds === null ? '' : `about ${duration(training.etaSeconds)} left`;
      const what = training.phase ?? 'starting';
      const steps = training.total > 0 ? ` ${training.done} of ${training.total}` : '';
      return [
        el(
          'p',
          { class: 'spread' },
          el('b', { text: `${what.charAt(0).toUpperCase()}${what.slice(1)}${steps}` }),
          el('span', { class: 'hint', text: eta }),
        ),
        progress(share, `Training ${percent(share)} done`),
      ];
    }
    const { newLabels, everyNewLabels } = training;
    const first =
      next !== null
        ? el('p', { text: next })
        : head === null
          ? el('p', {
              text: noHead()
                .filter((part) => part !== '')
                .join('. '),
            })
          : null;
    if (everyNewLabels === 0) {
      return [
        first,
        el('p', { text: `${plural(newLabels, 'new label')} since the last training.` }),
      ];
    }
    return [
      first,
      el('p', {
        class: head === null ? 'hint' : '',
        text: `${newLabels} of ${plural(everyNewLabels, 'new label')} until it trains by itself.`,
      }),
      progress(newLabels / everyNewLabels, `${newLabels} of ${everyNewLabels} new labels`),
    ];
  });
  const minute = Math.floor(robotNowMs() / 60_000);
  build('training-last', [reports, minute, head?.version], () =>
    reports.length === 0 ? [] : [verdict(reports[0]), ...historyPlot()],
  );
}

function verdict({ outcome, reason, headVersion, holdout, finishedAt, durations }) {
  const serving = state.status.head?.version ?? null;
  const now = serving === null ? 'no trained head serves now' : `version ${serving} serves now`;
  const words = {
    promoted:
      headVersion === serving
        ? `Version ${headVersion} serves now`
        : `Version ${headVersion} was promoted, ${now}`,
    refused: 'Refused: the old head goes on',
    failed: 'Failed: the old head goes on',
    cancelled: 'Cancelled: the old head goes on',
  };
  const facts = [
    ago(finishedAt),
    `took ${duration(durations.total / 1_000)}`,
    holdout === null
      ? null
      : `macro-F1 ${percent(holdout.macroF1)} on ${holdout.samples} holdout pictures`,
  ];
  return el(
    'div',
    { class: 'verdict', 'data-outcome': outcome },
    el('b', { text: words[outcome] ?? outcome }),
    el('p', { text: reason }),
    el('small', { text: facts.filter((fact) => fact !== null).join(' · ') }),
  );
}

/** Macro-F1 of the last trainings: filled = promoted, hollow = refused. */
function historyPlot() {
  const points = state.reports.filter(({ holdout }) => holdout !== null).reverse();
  if (points.length < 2) return [];
  const [width, height, left, right, top, bottom] = [400, 96, 40, 10, 12, 84];
  const scores = points.map(({ holdout }) => holdout.macroF1);
  const low = Math.max(0, Math.floor(Math.min(...scores) * 10 - 0.2) / 10);
  const high = Math.min(1, Math.max(low + 0.1, Math.ceil(Math.max(...scores) * 10) / 10));
  const x = (index) => left + (index * (width - left - right)) / (points.length - 1);
  const y = (score) => bottom - ((score - low) / (high - low)) * (bottom - top);
  const promoted = points.flatMap(({ outcome, holdout }, index) =>
    outcome === 'promoted' ? [`${x(index)},${y(holdout.macroF1)}`] : [],
  );
  const rule = (score) => [
    svg('line', { x1: left, x2: width - right, y1: y(score), y2: y(score) }),
    Object.assign(svg('text', { x: 0, y: y(score) + 4 }), { textContent: percent(score) }),
  ];
  const summary = `Macro-F1 of the last ${points.length} trainings: ${scores.map(percent).join(', ')}`;
  const plot = svg(
    'svg',
    { class: 'history', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': summary },
    Object.assign(svg('title', {}), { textContent: summary }),
    ...rule(high),
    ...rule(low),
    svg('polyline', { points: promoted.join(' ') }),
    ...points.map(({ outcome, holdout }, index) =>
      svg('circle', { class: outcome, cx: x(index), cy: y(holdout.macroF1), r: 5 }),
    ),
  );
  const legend = 'Macro-F1 of the last trainings; hollow: refused.';
  return [plot, el('p', { class: 'hint', text: legend })];
}

function renderClasses() {
  const { samples } = state.status;
  text('classes-count', plural(samples.labelled, 'labelled picture'));
  build('classes', samples.classes, () => {
    if (samples.classes.length === 0) {
      return [
        el('p', {
          class: 'empty',
          text: 'No label yet. Type what you see below the picture: that is the first one.',
        }),
      ];
    }
    const most = Math.max(...samples.classes.map(({ training, holdout }) => training + holdout));
    const rows = samples.classes.map(({ label, training, holdout }) => {
      const bar = el('i');
      bar.style.width = percent((training + holdout) / most);
      return el(
        'tr',
        {},
        el('th', { scope: 'row', text: label }),
        el('td', { class: 'share', 'aria-hidden': 'true' }, bar),
        el('td', { class: 'number', text: String(training) }),
        el('td', { class: 'number', text: String(holdout) }),
      );
    });
    return [table(['Label', null, '#Training', '#Holdout'], rows)];
  });
}

/** A heading that starts with # is over numbers, with a dot over times; null is an empty one. */
function table(headings, rows) {
  const cells = headings.map((heading) =>
    heading === null
      ? el('td')
      : el('th', {
          scope: 'col',
          class: { '#': 'number', '.': 'time' }[heading[0]] ?? '',
          text: heading.replace(/^[#.]/, ''),
        }),
  );
  return el('table', {}, el('thead', {}, el('tr', {}, ...cells)), el('tbody', {}, ...rows));
}

function renderHoldout() {
  const head = state.heads.find(({ serving }) => serving);
  const last = state.reports.find(({ holdout }) => holdout !== null);
  const holdout = head === undefined ? last?.holdout : head.holdout;
  text(
    'holdout-count',
    head !== undefined
      ? `version ${head.version}`
      : last === undefined
        ? ''
        : 'last training, not serving',
  );
  build('holdout', holdout ?? head?.version ?? null, () => {
    if (holdout === undefined || holdout === null) {
      const words =
        head === undefined
          ? 'After the first training: how well the head does on pictures that it never learned from.'
          : `When version ${head.version} was trained there were no pictures yet to examine it on.`;
      return [el('p', { class: 'empty', text: words })];
    }
    const figure = (name, value, unit = '') =>
      el(
        'div',
        {},
        el('dt', { text: name }),
        el('dd', { text: value }, el('small', { text: unit })),
      );
    const share = (value) => (value * 100).toFixed(1);
    return [
      el(
        'dl',
        { class: 'figures' },
        figure('Macro-F1', share(holdout.macroF1), '%'),
        figure('Accuracy', share(holdout.accuracy), '%'),
        figure('Precision', share(holdout.macroPrecision), '%'),
        figure('Recall', share(holdout.macroRecall), '%'),
        figure('Log-loss', holdout.logLoss.toFixed(2)),
        figure('Calibration error', share(holdout.ece), '%'),
      ),
      el('p', {
        class: 'hint',
        text: `${plural(holdout.samples, 'holdout picture')}. Rows: what it was. Columns: what the head said.`,
      }),
      el(
        'div',
        { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Confusion matrix' },
        confusion(holdout),
      ),
      el('p', { text: mixUps(holdout) }),
    ];
  });
}

function confusion({ labels, confusion: counts }) {
  const cell = (row, column) => {
    const count = counts[row][column];
    const all = counts[row].reduce((sum, value) => sum + value, 0);
    const heat = count === 0 ? 0 : 0.14 + (0.86 * count) / all;
    const right = row === column ? 'right' : '';
    const contrast = heat > 0.82 ? 'hot' : heat > 0.6 ? 'warm' : '';
    const node = el('td', {
      class: `${right} ${count === 0 ? 'zero' : ''} ${contrast}`,
      title: `${count} of ${all} ${labels[row]} called ${labels[column]}`,
      text: count === 0 ? '·' : String(count),
    });
    node.style.setProperty('--heat', heat.toFixed(2));
    return node;
  };
  const heading = (label) => el('th', { scope: 'col', title: label }, el('span', { text: label }));
  const matrix = el(
    'table',
    { class: 'confusion' },
    el('thead', {}, el('tr', {}, el('td'), ...labels.map(heading))),
    el(
      'tbody',
      {},
      ...labels.map((label, row) =>
        el(
          'tr',
          {},
          el('th', { scope: 'row', title: label, text: label }),
          ...labels.map((_, column) => cell(row, column)),
        ),
      ),
    ),
  );
  matrix.style.setProperty('--labels', String(labels.length));
  return matrix;
}

/** The three most frequent mistakes, in words. */
function mixUps({ labels, confusion: counts }) {
  const mistakes = counts.flatMap((row, truth) =>
    row.flatMap((count, said) => {
      if (said === truth || count === 0) return [];
      const all = row.reduce((sum, value) => sum + value, 0);
      return [{ count, words: `${labels[truth]} called ${labels[said]} (${count} of ${all})` }];
    }),
  );
  if (mistakes.length === 0) return 'No mistake.';
  const worst = mistakes.sort((a, b) => b.count - a.count).slice(0, 3);
  return `Most often mixed up: ${worst.map(({ words }) => words).join(', ')}.`;
}

function renderHeads() {
  const { heads } = state;
  text('heads-count', heads.length > 0 ? `${plural(heads.length, 'version')} kept` : '');
  build('heads', [heads, Math.floor(robotNowMs() / 60_000)], () => {
    if (heads.length === 0) {
      return [el('p', { class: 'empty', text: 'Every trained version will stand here.' })];
    }
    const rows = heads.map((head) =>
      el(
        'tr',
        {},
        el('th', { scope: 'row', text: String(head.version) }),
        el('td', {
          text: `${head.learner}, ${plural(head.labels.length, 'label')}${
            head.trust === null ? '' : `, ${head.trust}`
          }`,
        }),
        el('td', {
          class: 'number',
          text: head.holdoutMacroF1 === null ? '–' : percent(head.holdoutMacroF1),
        }),
        el('td', { class: 'time', text: ago(head.trainedAt) }),
        el(
          'td',
          { class: 'number' },
          head.serving
            ? el('span', { class: 'tag', text: 'Serving' })
            : el('button', {
                type: 'button',
                'aria-label': `Serve version ${head.version}`,
                text: 'Serve',
                onclick: () => rollback(head),
              }),
        ),
      ),
    );
    return [
      el('div', { class: 'scroll' }, table(['Version', 'Kind', '#F1', '.Trained', null], rows)),
    ];
  });
}

function isWell({ phase, condition }) {
  return phase === 'running' && (condition === null || condition === 'good');
}

function renderHealth() {
  const { status } = state;
  const { cameras, backbone, mqtt } = status;
  const well = mqtt.connected && cameras.every(isWell);
  text('health-count', well && backbone !== null ? 'all well' : 'needs a look');
  build('health', [status, Math.floor(robotNowMs() / 1_000)], () => [
    ...cameras.map((camera) =>
      rows(
        el(
          'p',
          { class: 'camera-state' },
          el('i', { class: `dot ${isWell(camera) ? 'good' : 'bad'}` }),
          el('span', { text: `Camera ${camera.name}: ${camera.phase}` }),
        ),
        [
          ['Device', camera.description],
          ['Last picture', camera.lastFrameAtMs === null ? 'none yet' : ago(camera.lastFrameAtMs)],
          [
            'Pictures',
            `${camera.framesTotal} taken, ${camera.droppedTotal} skipped as too old` +
              (camera.stillFrames > 0 ? `, ${camera.stillFrames} left out as still` : ''),
          ],
          ['They are', camera.condition ?? 'not measured yet'],
          [
            'Restarts',
            camera.restarts === 0
              ? 'none'
              : `${camera.restarts}, last: ${camera.lastRestartReason}`,
          ],
        ],
      ),
    ),
    rows(
      el(
        'p',
        { class: 'camera-state' },
        el('i', { class: `dot ${mqtt.connected && backbone !== null ? 'good' : 'bad'}` }),
        el('span', { text: 'Board' }),
      ),
      [
        ['Speed', `${status.framesPerSecond.toFixed(1)} frames/s`],
        [
          'Frame to decision',
          status.frameMsP50 === null
            ? 'none yet'
            : `${status.frameMsP50.toFixed(0)} ms, 95% within ${status.frameMsP95?.toFixed(0)} ms`,
        ],
        [
          'Temperature',
          status.temperatureC === null ? 'not measured' : `${status.temperatureC.toFixed(0)} °C`,
        ],
        ['MQTT', `${mqtt.url}, ${mqtt.connected ? 'connected' : 'not connected'}`],
        [
          'Backbone',
          backbone === null
            ? 'not loaded yet'
            : `${backbone.name}, ${backbone.featureSize} features, ${backbone.engine}, ${backbone.checksum.slice(0, 8)}`,
        ],
        ['Stored', `${plural(status.samples.total, 'picture')}`],
        ['headland', `${status.version}, up ${duration(status.uptimeSeconds)}`],
      ],
    ),
  ]);
}

function rows(heading, entries) {
  return el(
    'div',
    {},
    heading,
    el(
      'dl',
      { class: 'rows' },
      ...entries.map(([name, value]) =>
        el('div', {}, el('dt', { text: name }), el('dd', { text: value })),
      ),
    ),
  );
}

function renderAll() {
  const { status } = state;
  if (status === null) return;
  $('main').hidden = false;
  document.title = `${status.robot} · headland`;
  text('robot', status.robot);
  text('who-line', headLine(status));
  $('paused').hidden = status.state !== 'paused';
  renderLabels();
  renderViewer();
  renderQueue();
  renderTraining();
  renderClasses();
  renderHoldout();
  renderHeads();
  renderHealth();
}

// --- Questions to the person, and answers --------------------------------------------------------

let toastTimer;

function say(message, { problem = false, action = null, onAction = null } = {}) {
  clearTimeout(toastTimer);
  $('toast').dataset.kind = problem ? 'problem' : 'word';
  text('toast-text', message);
  $('toast-action').hidden = action === null;
  text('toast-action', action ?? '');
  $('toast-action').onclick = () => {
    $('toast').hidden = true;
    onAction?.();
  };
  $('toast').hidden = false;
  toastTimer = setTimeout(
    () => {
      $('toast').hidden = true;
    },
    problem ? 9_000 : 5_000,
  );
}

function ask(title, message, yes) {
  const dialog = $('confirm');
  text('confirm-title', title);
  text('confirm-text', message);
  text('confirm-yes', yes);
  return new Promise((resolve) => {
    $('confirm-yes').onclick = () => dialog.close('yes');
    $('confirm-no').onclick = () => dialog.close('no');
    dialog.returnValue = '';
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    dialog.showModal();
  });
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    say(error.message, { problem: true });
  }
}

async function rollback({ version, labels, trainedAt }) {
  const lost = (state.status.head?.labels ?? []).filter((label) => !labels.includes(label));
  const warning = lost.length > 0 ? ` It does not know ${lost.join(', ')}.` : '';
  const yes = await ask(
    `Serve version ${version}?`,
    `It was trained ${ago(trainedAt)} and takes over with the next frame.${warning}`,
    `Serve version ${version}`,
  );
  if (!yes) return;
  await attempt(async () => {
    await post('/api/rollback', { version });
    say(`Version ${version} serves now`);
    refreshTrainings();
  });
}

function askForToken(problem) {
  state.token = null;
  localStorage.removeItem('headland-token');
  streamAbort?.abort();
  text('gate-problem', problem);
  $('main').hidden = true;
  $('gate').hidden = false;
  text('who-line', 'Locked');
  $('link').hidden = true;
  $('token').focus();
}

// --- Wiring --------------------------------------------------------------------------------------

function onKey(event) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || $('confirm').open) return;
  if ($('main').hidden) return;
  if (key === 'Escape') {
    target.blur();
    if (state.view.kind !== 'live') backToLive();
    else setHold(null);
    return;
  }
  if (target instanceof HTMLInputElement) return;
  if (/^[1-9]$/.test(key)) {
    const label = knownLabels()[Number(key) - 1];
    if (label !== undefined) submitLabel(label);
  } else if (key === ' ' && !(target instanceof HTMLButtonElement)) {
    event.preventDefault();
    $('hold').click();
  } else if (key === 'n' || key === 'N') {
    event.preventDefault();
    $('new-label-text').focus();
  } else if (key === 'q' || key === 'Q') {
    nextQuestion();
  }
}

function setTheme(theme) {
  if (theme === 'automatic') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $('theme').title = `Colours: ${theme}`;
  $('theme').setAttribute('aria-label', `Colours: ${theme}`);
  localStorage.setItem('headland-theme', theme);
}

function wire() {
  setTheme(localStorage.getItem('headland-theme') ?? 'automatic');
  $('theme').addEventListener('click', () => {
    const order = ['automatic', 'light', 'dark'];
    const now = localStorage.getItem('headland-theme') ?? 'automatic';
    setTheme(order[(order.indexOf(now) + 1) % order.length]);
  });
  $('hold').addEventListener('click', () => setHold(state.hold === null ? 'held' : null));
  $('back').addEventListener('click', backToLive);
  $('train').addEventListener('click', () =>
    attempt(async () => {
      await post('/api/retrain', {});
      say('Training started');
    }),
  );
  const field = $('new-label-text');
  field.addEventListener('focus', () => freeze('typing'));
  field.addEventListener('blur', () => {
    if (state.hold === 'typing' && field.value.trim() === '') setHold(null);
  });
  $('new-label').addEventListener('submit', async (event) => {
    event.preventDefault();
    const label = field.value.trim();
    if (label === '') return;
    await submitLabel(label);
    field.value = '';
    field.blur();
  });
  $('gate').addEventListener('submit', (event) => {
    event.preventDefault();
    state.token = $('token').value.trim();
    localStorage.setItem('headland-token', state.token);
    $('gate').hidden = true;
    $('link').hidden = false;
    listen();
  });
  document.addEventListener('keydown', onKey);
  setInterval(() => {
    renderAge();
    if (state.link === 'live' && performance.now() - lastPullMs > 900) pullPicture();
  }, 1_000);
  setInterval(() => {
    if (state.link === 'live' && !document.hidden) refreshWaiting();
  }, 30_000);
}

/** A link may carry the token behind the #, which browsers never send; it is taken out at once. */
function takeToken() {
  const linked = new URLSearchParams(location.hash.slice(1)).get('token');
  if (linked !== null) {
    localStorage.setItem('headland-token', linked);
    history.replaceState(null, '', location.pathname);
  }
  state.token = localStorage.getItem('headland-token');
}

async function start() {
  takeToken();
  wire();
  for (;;) {
    try {
      const { tokenNeeded } = await get('/healthz');
      if (tokenNeeded && state.token === null) askForToken('');
      else listen();
      return;
    } catch {
      setLink('lost');
      await new Promise((resolve) => setTimeout(resolve, 2_000));
    }
  }
}

start();
