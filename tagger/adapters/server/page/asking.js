// Asking. Answers are drawn in the order of their questions; one that comes too late is dropped.

const trouble = byId("trouble");
const say = (message) => {
  if (trouble.textContent !== message) trouble.textContent = message;
};
let asked = 0;
let answered = 0;
let timer = null;
let again = null;
let failures = 0;
let lastTook = 0; // ms
const inFlight = new Map();

class Refusal extends Error {
  constructor(message, wait, field = null) {
    super(message);
    this.wait = wait; // seconds after which to ask again; null: never
    this.field = field; // of the question that is at fault
  }
}

const read = async (answer) => {
  if (answer.ok) return answer.json();
  let field = null;
  let message = `The server answered ${answer.status} ${answer.statusText}`.trim() + ".";
  try {
    const body = await answer.json();
    if (body.error) message = `The server says: ${body.error}`;
    field = body.field;
  } catch {
    // no JSON: a proxy stands in between
  }
  const later = [429, 502, 503, 504].includes(answer.status);
  const named = Number(answer.headers.get("Retry-After"));
  throw new Refusal(message, later ? named || Math.min(2 ** failures, 15) : null, field);
};

const schedule = (wait = Math.min(Math.max(PAUSE, lastTook / 2), 1000)) => {
  clearTimeout(timer);
  timer = setTimeout(ask, wait);
};

const failed = (error, retry) => {
  failures += 1;
  const wait = error instanceof Refusal ? error.wait : Math.min(2 ** (failures - 1), 15);
  const words = error instanceof Refusal ? error.message : "The server doesn't answer.";
  clearTimeout(again);
  if (wait === null) {
    say(words);
    return;
  }
  say(`${words} What is drawn stays; the page asks again by itself.`);
  again = setTimeout(retry, wait * 1000);
};

const recovered = () => {
  failures = 0;
  clearTimeout(again);
  say("");
};

const ask = async () => {
  clearTimeout(timer);
  if (!model) return;
  const text = box.value;
  const number = (asked += 1);
  if (!text.trim()) {
    for (const controller of inFlight.values()) controller.abort();
    inFlight.clear();
    answered = number;
    recovered();
    draw("", []);
    return;
  }
  if (inFlight.size >= MOST_IN_FLIGHT) {
    schedule(PAUSE);
    return;
  }
  const controller = new AbortController();
  inFlight.set(number, controller);
  drawn.classList.toggle("waiting", true);
  const name = model.name;
  const question = { texts: [text], rivals: RIVALS, model: name, language: language.value };
  if (!cutsWords()) question.min_confidence = 0;
  if (wantsReadings) question.nbest = READINGS;
  const began = performance.now();
  try {
    const answer = await fetch("predict", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(question),
      signal: controller.signal,
    });
    const found = await read(answer);
    if (number <= answered || !model || model.name !== name) return;
    answered = number;
    lastTook = performance.now() - began;
    for (const [other, older] of inFlight) if (other < number) older.abort();
    const wasAway = failures > 0;
    recovered();
    draw(text, found.results[0]);
    if (wasAway) begin(); // it may have come back with other models
  } catch (error) {
    if (error.name === "AbortError" || number !== asked) return;
    if (error.field === "model") begin(); // it has come back with other models
    else failed(error, ask);
  } finally {
    inFlight.delete(number);
    if (!inFlight.size) drawn.classList.remove("waiting");
  }
};
