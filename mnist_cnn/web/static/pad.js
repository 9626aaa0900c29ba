// The drawing pad. Gradio runs this when the component is on the page, with `element`, `props`, `server` and `trigger`.
// A drawing is a list of strokes {width, points: [[x, y], ...]} in units of the pad's side. It is sent to the server as
// a PNG file, black ink on nothing, of the same size on every device; a blank pad is sent as null. The component's value
// is the server's answer together with the PNG's data URL.

const SENT_SIDE = 280; // pixels
const LEAST_INTERVAL = 100; // milliseconds between two readings while the pen moves
const REST = 200; // milliseconds without a change until the pad is at rest
const RETRY = 1000; // milliseconds until a server that didn't answer is asked again
const NO_ANSWER = "No answer yet: the server is busy or away. It is asked again.";
const REPLAY = 700; // milliseconds that an example takes to write itself

const canvas = element.querySelector("canvas");
const penWidth = element.querySelector("input");
const sheet = document.createElement("canvas");
sheet.width = sheet.height = SENT_SIDE;

let history = [[]]; // the drawings that Undo and Redo step through
let present = 0;
let unfinished = null; // the drawing while the pen is down
let pen = null; // the id of the pointer that draws
let replay = null; // the animation frame of an example that writes itself
let due = null; // the timer of the next reading
let reading = false; // whether a request is under way
let changed = false; // whether the drawing has changed since that request
let rest = null; // the timer until the pad is at rest

const drawing = () => unfinished ?? history[present];

function paint(target) {
  const context = target.getContext("2d");
  const side = target.width;
  context.clearRect(0, 0, side, side);
  context.lineCap = context.lineJoin = "round";
  for (const { width, points } of drawing()) {
    const scaled = points.map(([x, y]) => [x * side, y * side]);
    context.lineWidth = width * side;
    context.beginPath();
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
  const side = Math.round(canvas.clientWidth * devicePixelRatio);
  if (side === 0) return; // in a hidden tab
  if (canvas.width !== side) canvas.width = canvas.height = side;
  paint(canvas);
  const blank = drawing().length === 0;
  element.classList.toggle("blank", blank);
  const disabled = { undo: present === 0, redo: present === history.length - 1, clear: blank };
  for (const action in disabled) element.querySelector(`[data-action=${action}]`).disabled = disabled[action];
}

// Send one request at a time, and another if the drawing changed meanwhile, so that the last answer is to the last
// drawing.
async function read() {
  clearTimeout(due);
  clearTimeout(rest);
  due = null;
  changed = true;
  if (reading) return;
  reading = true;
  while (changed) {
    changed = false;
    paint(sheet);
    const url = drawing().length ? sheet.toDataURL() : null;
    if (url === (props.value?.url ?? null)) continue;
    const answer = await server.read(url); // undefined if the server is away or busy
    props.value = answer ? { url, ...answer } : { url: "", verdict: NO_ANSWER, label: {}, seen: "" };
    if (!answer) due ??= setTimeout(read, RETRY);
  }
  reading = false;
  if (!unfinished && !due) rest = setTimeout(trigger, REST, "rest");
}

function keep(strokes) {
  history = [...history.slice(0, present + 1), strokes];
  travel(1);
}

function travel(steps) {
  cancelAnimationFrame(replay);
  present = Math.min(Math.max(present + steps, 0), history.length - 1);
  unfinished = null;
  show();
  read();
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

function start(event) {
  if (pen !== null || event.button !== 0) return;
  if (unfinished) travel(0);
  canvas.setPointerCapture(event.pointerId);
  pen = event.pointerId;
  unfinished = [...history[present], { width: Number(penWidth.value), points: [place(event)] }];
  move(event);
}

function move(event) {
  if (event.pointerId !== pen) return;
  const passed = event.getCoalescedEvents();
  unfinished.at(-1).points.push(...(passed.length ? passed : [event]).map(place));
  show();
  due ??= setTimeout(read, LEAST_INTERVAL);
}

function lift(event) {
  if (event.pointerId !== pen) return;
  pen = null;
  keep(unfinished);
}

function write(example) {
  const width = Number(penWidth.value);
  const strokes = example.path
    .slice(1)
    .split(" M")
    .map((stroke) => ({ width, points: stroke.split(" ").map((point) => point.split(",").map(Number)) }));
  const total = strokes.reduce((sum, { points }) => sum + points.length, 0);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const begun = performance.now();
  travel(0);
  const step = (now) => {
    let left = Math.ceil(total * Math.max(0, (now - begun) / REPLAY));
    if (still || left >= total) return keep(strokes);
    unfinished = [];
    for (const { width, points } of strokes) {
      if (left > 0) unfinished.push({ width, points: points.slice(0, left) });
      left -= points.length;
    }
    show();
    due ??= setTimeout(read, LEAST_INTERVAL);
    replay = requestAnimationFrame(step);
  };
  replay = requestAnimationFrame(step);
}

const actions = {
  undo: () => travel(-1),
  redo: () => travel(1),
  clear: () => drawing().length && keep([]),
};

function press(event) {
  const key = event.key.toLowerCase();
  let action = null;
  if (event.ctrlKey || event.metaKey) action = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
  else if (["delete", "backspace"].includes(key)) action = "clear";
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
  const { action, example } = event.target.closest("button")?.dataset ?? {};
  if (pen !== null) return; // another finger is drawing
  if (action) actions[action]();
  else if (example) write(props.examples[example]);
});
new ResizeObserver(show).observe(canvas);
show();
