// Where in the picture something was read, or a frame that the visitor draws around what is to be read: with the pointer,
// or with the keys. A frame that is taken goes to the reader as the event "frame". Gradio runs this when the component
// is on the page.

const STEP = 1 / 40; // of the picture's longer side, with each key
const HINT = "Drag a frame around the digit. Or use the keys: arrows move it, Shift and arrows resize it, Enter takes it, Esc ends.";
const UNSEEN = "The browser can't show this picture: give it as a PNG or JPEG file.";
const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };

const overlay = element.querySelector("svg");
const button = element.querySelector("button");
const hint = element.querySelector("p");

let drawn = null; // what is shown while the visitor draws, like the value; its only box is the visitor's frame
let corner = null; // where the pointer went down

function show() {
  const shown = drawn ?? props.value;
  drawFrames(overlay, shown);
  overlay.setAttribute("aria-label", shown?.alt ?? "");
  overlay.setAttribute("aria-hidden", String(!shown));
}

// Begin to draw a frame, or stop.
function open(value, sentence = "") {
  drawn = value;
  corner = null;
  overlay.setAttribute("role", drawn ? "application" : "img");
  overlay.classList.toggle("open", Boolean(drawn));
  if (drawn) overlay.tabIndex = 0;
  else overlay.removeAttribute("tabindex");
  button.setAttribute("aria-pressed", String(Boolean(drawn)));
  hint.textContent = sentence;
  show();
}

function begin() {
  const { naturalWidth = 0, naturalHeight = 0 } = document.querySelector("#picture img") ?? {};
  const { width, height, url = "" } = props.value || { width: naturalWidth, height: naturalHeight };
  if (!width) return open(null, UNSEEN);
  const alt = "The picture, with a frame around what is to be read";
  open({ alt, width, height, url, boxes: [[width / 4, height / 4, width / 2, height / 2]] }, HINT);
  overlay.focus({ preventScroll: true });
}

function end() {
  open(null);
  button.focus({ preventScroll: true });
}

function take() {
  const taken = { ...drawn, alt: "The picture, with your frame" };
  end();
  element.dispatchEvent(new CustomEvent("frame", { detail: taken, bubbles: true }));
}

function place({ clientX, clientY }) {
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(overlay.getScreenCTM().inverse());
  return [clamp(x, 0, drawn.width), clamp(y, 0, drawn.height)];
}

function stretch(event) {
  if (!corner) return;
  const sides = place(event).map((side, axis) => [Math.min(side, corner[axis]), Math.abs(side - corner[axis])]);
  drawn.boxes = [[sides[0][0], sides[1][0], sides[0][1], sides[1][1]]];
  show();
}

function press(event) {
  if (!drawn) return;
  const key = event.key.toLowerCase();
  let [x, y, width, height] = drawn.boxes[0];
  if (key === "escape") end();
  else if (key === "enter" && event.target === overlay) take();
  else if (ARROWS[key]) {
    const [right, down] = ARROWS[key].map((way) => way * STEP * Math.max(drawn.width, drawn.height));
    if (event.shiftKey) {
      width = clamp(width + right, 0, drawn.width - x);
      height = clamp(height + down, 0, drawn.height - y);
    } else {
      x = clamp(x + right, 0, drawn.width - width);
      y = clamp(y + down, 0, drawn.height - height);
    }
    drawn.boxes = [[x, y, width, height]];
    show();
  } else return;
  event.preventDefault();
}

button.addEventListener("click", () => (drawn ? end() : begin()));
element.addEventListener("keydown", press);
overlay.addEventListener("pointerdown", (event) => {
  if (!drawn || corner || event.button !== 0) return;
  overlay.setPointerCapture(event.pointerId);
  corner = place(event);
  stretch(event);
});
overlay.addEventListener("pointermove", stretch);
overlay.addEventListener("pointerup", () => corner && take());
overlay.addEventListener("pointercancel", () => (corner = null));
// An answer leaves what the visitor draws as it is; another picture, or none, ends it.
watch("value", () => drawn || open(null));
element.closest(".gradio-container").addEventListener("replace", () => open(null));
show();
