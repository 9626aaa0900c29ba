// Takes pictures: from the field in the Picture tab, of the camera, pasted, or dropped anywhere on the page. Gradio would
// show an error of its own for a file that it doesn't take; here every outcome is an answer. Gradio runs this when the
// component is on the page, with `element`, `props`, `server` and `trigger`.

const container = element.closest(".gradio-container");
// In somebody else's page, what is given outside of this one isn't for us.
const page = window.gradio_config ? document : container;

let given = null; // the file that is shown; the event "replace" says that it is another one
let waiting = null; // what is to be read: the file, and the visitor's frame if there is one
let reading = false;

// Another tab's answer stays where it is until this one is opened.
const isShown = () => container.querySelector("#picture")?.getClientRects().length > 0;

function answer(value) {
  props.value = value;
  if (isShown()) trigger("answer");
}

const say = (verdict) => answer({ ...props.value, verdict });

function replace(file) {
  given = file;
  waiting = null;
  container.dispatchEvent(new Event("replace"));
}

function give(file) {
  if (props.value?.shown) URL.revokeObjectURL(props.value.shown);
  if (file.size > props.max_file_mb * 2 ** 20) {
    return refuse(`The picture is too large: choose a file of at most ${props.max_file_mb} MB.`);
  }
  replace(file);
  begin({ shown: URL.createObjectURL(file) });
  trigger("give");
}

// Read the file, or what is in a frame that `found` shows.
function begin({ shown, found = null }) {
  answer({ verdict: "Reading the picture …", shown, found });
  waiting = { file: given, found };
  read();
}

function refuse(verdict) {
  replace(null);
  answer({ verdict, shown: null });
  trigger("give");
}

function encode(file) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(`data:image/any;base64,${reader.result.split(",")[1] ?? ""}`);
    reader.onerror = () => resolve(null);
    reader.readAsDataURL(file);
  });
}

// Return a frame in shares of the picture, which the server may see in another size.
function measure({ width, height, boxes: [box] }) {
  return box.map((side, index) => side / (index % 2 ? height : width));
}

// Send one request at a time, the last for the last picture.
async function read() {
  if (reading) return;
  reading = true;
  while (waiting) {
    const asked = waiting;
    const { file, found } = asked;
    const url = await encode(file);
    const read = url && (await ask({ url, frame: found && measure(found) }));
    if (asked !== waiting) continue;
    if (read) answer({ ...read, found: found ?? read.found, shown: props.value.shown });
    else if (url) say(AWAY);
    else say("The file can't be read any more: choose it again.");
    if (read || !url) waiting = null;
    else await new Promise((resolve) => setTimeout(resolve, patience));
  }
  reading = false;
}

async function paste() {
  try {
    for (const item of await navigator.clipboard.read()) {
      const kind = item.types.find((type) => type.startsWith("image/"));
      if (kind) return give(await item.getType(kind));
    }
    refuse("There is no picture on the clipboard: copy one first.");
  } catch {
    refuse("The browser doesn't let this page see the clipboard: press Ctrl+V instead, or choose a file.");
  }
}

function take(event, file) {
  if (!file) return;
  event.preventDefault();
  event.stopPropagation();
  give(file);
}

const brings = (event) => event.dataTransfer?.types.includes("Files");

container.addEventListener("photo", ({ detail }) => give(detail)); // of the camera
container.addEventListener("frame", ({ detail }) => given && begin({ shown: props.value.shown, found: detail }));
page.addEventListener("paste", (event) => take(event, event.clipboardData?.files[0]), true);
page.addEventListener("drop", (event) => take(event, event.dataTransfer?.files[0]), true);
page.addEventListener("dragover", (event) => brings(event) && event.preventDefault(), true);
container.addEventListener(
  "change",
  (event) => event.target.matches("#picture input[type=file]") && take(event, event.target.files[0]),
  true,
);
container.addEventListener(
  "click",
  (event) => {
    if (event.target.closest("#picture [aria-label='Remove Image']")) {
      replace(null);
      answer({ verdict: props.prompt });
    }
    if (!event.target.closest("#picture [aria-label='Paste from clipboard']")) return;
    event.stopPropagation();
    paste();
  },
  true,
);
// Where the browser can't show the file, the frames come with a picture that it can.
for (const [event, visibility] of [["error", "hidden"], ["load", ""]]) {
  container.addEventListener(event, ({ target }) => target.matches?.("#picture img") && (target.style.visibility = visibility), true);
}
