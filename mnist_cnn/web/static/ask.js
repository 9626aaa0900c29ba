// How the pad, the reader and the camera call the server; `build_part` puts this before their scripts.

const RETRY = 1000; // milliseconds until a server that didn't answer is asked again; each time twice as many
const LONGEST_RETRY = 30000;
const NO_ANSWER = "No answer yet";
const AWAY = `${NO_ANSWER}: the server is busy or away. It is asked again.`;
let patience = RETRY / 2; // how long to wait after the last answer that didn't come

// Return what the server answers, undefined if it is away or busy.
async function ask(given) {
  const answer = await Promise.resolve(server.read(given)).catch(() => undefined);
  patience = answer ? RETRY / 2 : Math.min(2 * patience, LONGEST_RETRY);
  return answer;
}

