// The drawing pad. Gradio runs this when the component is on the page, with `element`, `props`, `server` and `trigger`.
// A drawing is a list of strokes {points: [[x, y], ...], box, view}: the box around the points, and what the pad showed
// when they were drawn, null for an example. The unit is the pad's height, with x from the pad's middle, so that a drawing outlives every change of the pad's shape. It is sent to the server as a PNG file,
// black ink on nothing, of the same height on every device, with its strokes in the file's pixels; a blank pad is sent
// as null. The component's value is the server's answer together with the PNG's data URL and the view that it shows.

const SENT_HEIGHT = 280; // pixels
const MAX_STROKES = 200; // that the server takes, as in limits.py; with more, the picture is sent alone
const MAX_POINTS = 3000; // likewise, of all strokes
const LEAST_STEP = 3; // pixels of the picture between two points that are sent
const LEAST_INTERVAL = 100; // milliseconds between two readings while the pen moves
const REST = 200; // milliseconds without a change until the pad is at rest
const SETTLED = 1000; // milliseconds without a change until nothing more is expected
const OFFLINE = "You are offline. The drawing is kept, and read once you are connected.";
const BUSY = "The server is busy or away. The drawing is kept, and the server is asked again.";
const THICKEST = 0.22; // the pen's width for the size of the drawing, else the loops of small digits fill with ink
const THINNEST = 0.02; // the pen's width for the pad's height
const KEPT = "drawing"; // the name under which the tab remembers the drawing
const REPLAY = 700; // milliseconds that an example takes to write itself

const canvas = element.querySelector("canvas");
const frames = element.querySelector(".frames");
const penWidth = element.querySelector("input");
const notice = element.querySelector(".notice");
const keys = element.querySelector(".keys");
const sheet = document.createElement("canvas");
sheet.height = SENT_HEIGHT;

let aspect = 1; // the pad's width for its height
let history = [[]]; // the drawings that Undo and Redo step through
let present = 0;
let unfinished = null; // the drawing while the pen is down
let pen = null; // the id of the pointer that draws
let replay = null; // the animation frame of an example that writes itself
let example = null; // the whole drawing that it is going to be
let due = null; // the timer of the next reading
let reading = false; // whether a request is under way
let changed = false; // whether the drawing has changed since that request
let rest = null; // the timer until the pad is at rest
let settled = null; // the timer until nothing more is expected

const drawing = () => unfinished ?? history[present];

// Return the box around some points.
function surround(points) {
  const [x, y] = [points.map((point) => point[0]), points.map((point) => point[1])];
  return { left: Math.min(...x), right: Math.max(...x), top: Math.min(...y), bottom: Math.max(...y) };
}

// Return a function of a stroke that tells its width: the pen's, but thinner as the drawing gets smaller.
function choosePen(strokes) {
  const size = Math.max(
    Math.max(...strokes.map(({ box }) => box.right)) - Math.min(...strokes.map(({ box }) => box.left)),
    Math.max(...strokes.map(({ box }) => box.bottom)) - Math.min(...strokes.map(({ box }) => box.top)),
  );
  const limit = Math.max(THINNEST, THICKEST * size);
  return ({ view }) => Math.min(penWidth.value * (view?.height ?? 1), limit * (view ? 1 : Infinity));
}

// What the pad shows: all of the drawing, smaller or moved aside where it doesn't fit otherwise. While the pen is down,
// this stays as it is, since a stroke reaches no further than the edges of the view in which it is drawn.
function look() {
  const strokes = example ?? drawing();
  const widthOf = choosePen(strokes);
  const reaches = strokes.map((stroke) => {
    const { box, view } = stroke;
    const half = widthOf(stroke) / 2;
    const edges = { left: -Infinity, width: Infinity, height: Infinity, ...view };
    return {
      left: Math.max(box.left - half, edges.left),
      right: Math.min(box.right + half, view ? edges.left + edges.width : Infinity),
      bottom: Math.min(box.bottom + half, edges.height),
    };
  });
  const left = Math.min(...reaches.map((reach) => reach.left));
  const right = Math.max(...reaches.map((reach) => reach.right));
  const height = Math.max(1, (right - left) / aspect, ...reaches.map((reach) => reach.bottom));
  const width = height * aspect;
  return { left: Math.min(left, Math.max(-width / 2, right - width)), width, height };
}

function paint(target, { left, height }) {
  const context = target.getContext("2d");
  const unit = target.height / height;
  context.clearRect(0, 0, target.width, target.height);
  context.lineCap = context.lineJoin = "round";
  const widthOf = choosePen(example ?? drawing());
  for (const stroke of drawing()) {
    const scaled = stroke.points.map(([x, y]) => [(x - left) * unit, y * unit]);
    context.lineWidth = widthOf(stroke) * unit;
    context.beginPath();
    // A click is a dot, of which not all browsers draw a line.
    if (stroke.box.left === stroke.box.right && stroke.box.top === stroke.box.bottom) {
      context.arc(...scaled[0], context.lineWidth / 2, 0, 2 * Math.PI);
      context.fill();
      continue;
    }
    context.moveTo(...scaled[0]);
    // Curve from the midpoint of each segment to the midpoint of the next.
    for (let i = 1; i < scaled.length - 1; i++) {
      const [[x, y], [nextX, nextY]] = [scaled[i], scaled[i + 1]];
      context.quadraticCurveTo(x, y, (x + nextX) / 2, (y + nextY) / 2);
    }
    context.lineTo(...scaled.at(-1));
    context.stroke();
  }
}

function show() {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round(canvas.clientHeight * devicePixelRatio);
  if (width === 0) return; // in a hidden tab
  aspect = canvas.clientWidth / canvas.clientHeight;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const view = look();
  paint(canvas, view);
  frame(view);
  const blank = drawing().length === 0;
  element.classList.toggle("blank", blank);
  const disabled = { undo: present === 0, redo: present === history.length - 1, clear: blank };
  for (const action in disabled) element.querySelector(`[data-action=${action}]`).disabled = disabled[action];
}

// Frame the digits of a number, which were read in the view that was sent.
function frame(view) {
  const { digits = [], view: read } = (drawing().length && props.value) || {};
  const boxes = digits.map(({ label }) => {
    const [left, top, right, bottom] = label.box.map((edge) => (edge * read.height) / SENT_HEIGHT);
    const box = document.createElement("div");
    box.style.left = `${(100 * (read.left + left - view.left)) / view.width}%`;
    box.style.top = `${(100 * top) / view.height}%`;
    box.style.width = `${(100 * (right - left)) / view.width}%`;
    box.style.height = `${(100 * (bottom - top)) / view.height}%`;
    return box;
  });
  frames.replaceChildren(...boxes);
}

// Return the strokes in the picture's pixels, without points that tell nothing; null if they are too many.
function thin({ left, height }) {
  const unit = SENT_HEIGHT / height;
  const strokes = drawing().map(({ points }) => {
    const kept = [];
    for (const [x, y] of points) {
      const point = [clamp((x - left) * unit, 0, sheet.width), clamp(y * unit, 0, SENT_HEIGHT)].map(Math.round);
      const last = kept.at(-1);
      if (!last || Math.hypot(point[0] - last[0], point[1] - last[1]) >= LEAST_STEP) kept.push(point);
    }
    return kept;
  });
  const total = strokes.reduce((sum, points) => sum + points.length, 0);
  return strokes.length <= MAX_STROKES && total <= MAX_POINTS ? strokes : null;
}

// Send one request at a time, and another if the drawing changed meanwhile, so that the last answer is to the last
// drawing.
async function read() {
  clearTimeout(due);
  clearTimeout(rest);
  clearTimeout(settled);
  due = null;
  changed = true;
  if (reading) return;
  reading = true;
  while (changed) {
    changed = false;
    const view = look();
    sheet.width = Math.round(SENT_HEIGHT * aspect);
    paint(sheet, view);
    const url = drawing().length ? sheet.toDataURL() : null;
    if (url === (props.value?.url ?? null)) continue;
    const answer = await ask(url && { url, strokes: thin(view) });
    props.value = answer ? { url, view, ...answer } : { url: "", verdict: NO_ANSWER };
    frame(look());
    say(answer ? "" : navigator.onLine ? BUSY : OFFLINE);
    if (!answer) due ??= setTimeout(read, patience);
  }
  reading = false;
  if (unfinished || due) return;
  rest = setTimeout(trigger, REST, "rest");
  settled = setTimeout(trigger, SETTLED, "settle");
}

// Say why there is no answer, once.
function say(sentence) {
  if (notice.textContent !== sentence) notice.textContent = sentence;
}

function keep(strokes) {
  history = [...history.slice(0, present + 1), strokes];
  travel(1);
}

function travel(steps) {
  cancelAnimationFrame(replay);
  example = null;
  present = clamp(present + steps, 0, history.length - 1);
  unfinished = null;
  show();
  read();
  remember(); // once the request is on its way
}

// Gradio reloads the page when the server is there again after a call that failed: the drawing outlives that.
function remember() {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(history[present]));
  } catch {} // somebody else's page may forbid it, or it is full
}

function recall() {
  try {
    const [{ type }] = performance.getEntriesByType("navigation");
    return (type === "reload" && JSON.parse(sessionStorage.getItem(KEPT))) || [];
  } catch {
    return [];
  }
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  const { left, width, height } = look();
  return [left + ((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
}

function start(event) {
  if (pen !== null || event.button !== 0) return;
  if (unfinished) travel(0);
  canvas.setPointerCapture(event.pointerId);
  canvas.focus({ preventScroll: true, focusVisible: false }); // a finger doesn't focus what it draws on
  pen = event.pointerId;
  const point = place(event);
  const stroke = { points: [point], box: surround([point]), view: look() };
  unfinished = [...history[present], stroke];
  move(event);
}

function move(event) {
  if (event.pointerId !== pen) return;
  const passed = event.getCoalescedEvents();
  const stroke = unfinished.at(-1);
  const points = (passed.length ? passed : [event]).map(place);
  stroke.points.push(...points);
  const { box } = stroke;
  stroke.box = surround([[box.left, box.top], [box.right, box.bottom], ...points]);
  show();
  due ??= setTimeout(read, LEAST_INTERVAL);
}

function lift(event) {
  if (event.pointerId !== pen) return;
  pen = null;
  keep(unfinished);
}

function write(path) {
  const strokes = path
    .slice(1)
    .split(" M")
    .map((stroke) => stroke.split(" ").map((point) => point.split(",").map(Number)))
    .map((points) => ({ points, box: surround(points), view: null }));
  const total = strokes.reduce((sum, { points }) => sum + points.length, 0);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const begun = performance.now();
  travel(0);
  example = strokes;
  const step = (now) => {
    let left = Math.ceil(total * Math.max(0, (now - begun) / REPLAY));
    if (still || left >= total) return keep(strokes);
    unfinished = [];
    for (const stroke of strokes) {
      if (left > 0) unfinished.push({ ...stroke, points: stroke.points.slice(0, left) });
      left -= stroke.points.length;
    }
    show();
    due ??= setTimeout(read, LEAST_INTERVAL);
    replay = requestAnimationFrame(step);
  };
  replay = requestAnimationFrame(step);
}

// The reader takes a photo, and opens its tab.
async function give(url) {
  const detail = await (await fetch(url)).blob();
  element.closest(".gradio-container").dispatchEvent(new CustomEvent("photo", { detail }));
}

const actions = {
  undo: () => travel(-1),
  redo: () => travel(1),
  clear: () => drawing().length && keep([]),
  list: () => (keys.hidden = !keys.hidden),
};

function press(event) {
  const key = event.key.toLowerCase();
  let action = null;
  if (event.ctrlKey || event.metaKey) action = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
  else if (["delete", "backspace"].includes(key)) action = "clear";
  else if (key === "?") action = "list";
  else if (key === "escape") action = keys.hidden ? null : "list";
  else if (/^[0-9]$/.test(key) && event.target === canvas && props.value?.reading) {
    canvas.dataset.named = key;
    trigger("name");
  }
  if (!action || pen !== null) return;
  event.preventDefault();
  actions[action]();
}

// A finger only draws. Without this, Chromium takes a quick stroke for a fling, and the tap after it for the fling's
// end.
canvas.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
canvas.addEventListener("pointerdown", start);
canvas.addEventListener("pointermove", move);
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, lift);
element.addEventListener("keydown", press);
element.addEventListener("click", (event) => {
  const { action, example: number, photo } = event.target.closest("button")?.dataset ?? {};
  if (pen !== null) return; // another finger is drawing
  if (action) {
    actions[action]();
    // A button that can't be pressed any more loses the focus, and with it the keys.
    if (event.target.disabled) canvas.focus({ preventScroll: true });
  } else if (number) write(props.examples[number].path);
  else if (photo) give(props.photos[photo].url);
});
penWidth.addEventListener("input", () => {
  if (pen === null && drawing().length) travel(0);
});
for (const kind of ["pointerdown", "keydown", "click"]) {
  element.addEventListener(kind, () => element.classList.add("touched"), { capture: true });
}
addEventListener("online", () => due !== null && read());
new ResizeObserver(show).observe(canvas);
const kept = recall();
if (kept.length) keep(kept);
else show();
