// The camera. Gradio runs this when the component is on the page, with `element`, `props`, `server` and `trigger`.
// One frame at a time is sent, and none while the film can't be seen. The answer changes only when most of the last
// frames agree.

const SENT_SIDE = 640; // pixels
const LEAST_INTERVAL = 250; // milliseconds from one frame to the next
const REASONS = {
  NotAllowedError: "The camera may not be used: allow it for this page in the browser, then start it again.",
  NotFoundError: "There is no camera: connect one, or give a picture in the Picture tab.",
  NotReadableError: "The camera can't be opened: close whatever else uses it, then start it again.",
};
const NO_CAMERA = "This page can't open a camera here: open it with https, or give a picture in the Picture tab.";

const video = element.querySelector("video");
const overlay = element.querySelector("svg");
const [toggle, photo] = element.querySelectorAll("button");
const sheet = document.createElement("canvas");

let stream = null;
let watching = false;
let recent = []; // what was read of the last frames

const isShown = () => !document.hidden && video.getClientRects().length > 0;
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
const say = (verdict) => props.value?.verdict === verdict || answer({ verdict });

// Another tab's answer stays where it is until this one is opened.
function answer(value) {
  props.value = value;
  if (isShown()) trigger("answer");
}

function show() {
  toggle.textContent = stream ? "Stop the camera" : "Start the camera";
  photo.disabled = !stream;
}

async function start() {
  try {
    const opened = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    if (!isShown()) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    stream.getTracks().forEach((track) => track.addEventListener("ended", stop));
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    stop();
    return say(REASONS[error.name] ?? NO_CAMERA);
  }
  say(props.prompt);
  show();
  watch();
}

function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
  recent = [];
  drawFrames(overlay, null);
  say(props.prompt);
  show();
}

// Draw what is seen, with its longer side no longer than that.
function draw(side) {
  const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
  sheet.width = Math.round(video.videoWidth * scale);
  sheet.height = Math.round(video.videoHeight * scale);
  sheet.getContext("2d").drawImage(video, 0, 0, sheet.width, sheet.height);
}

async function watch() {
  if (watching) return;
  watching = true;
  while (stream && isShown()) {
    const begun = performance.now();
    draw(SENT_SIDE);
    const seen = await ask({ url: sheet.toDataURL("image/jpeg", 0.8), recent });
    if (!stream) break;
    if (seen) {
      const { read, steady, ...rest } = seen;
      recent = [...recent, read].slice(-props.votes);
      if (!steady) {
        drawFrames(overlay, null);
        say(props.prompt);
      } else if (read === steady) {
        drawFrames(overlay, rest.found, steady.replaceAll("\n", ""));
        answer({ ...rest, found: null });
      }
    } else say(AWAY);
    await pause(seen ? begun + LEAST_INTERVAL - performance.now() : patience);
  }
  watching = false;
  if (stream && !document.hidden) stop(); // another tab of the page was opened
}

function take() {
  draw(Infinity);
  const take = (detail) => element.dispatchEvent(new CustomEvent("photo", { detail, bubbles: true }));
  sheet.toBlob(take, "image/jpeg", 0.95);
}

toggle.addEventListener("click", () => (stream ? stop() : start()));
photo.addEventListener("click", take);
document.addEventListener("visibilitychange", watch);
