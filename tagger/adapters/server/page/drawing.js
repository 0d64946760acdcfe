// Drawing. Text goes in as text, never as HTML. Offsets count code points; a string of JavaScript UTF-16 units.

const cutsWords = () => model !== null && model.task !== "labels";
const slicer = (sentence) => {
  const { text, start, end } = sentence;
  if (text.length === end - start) return (from, to) => text.slice(from - start, to - start);
  const points = Array.from(text);
  return (from, to) => points.slice(from - start, to - start).join("");
};
const showsType = (type) => model.task !== "words" && !(model.types.length === 1 && ["word", "span"].includes(type));

const drawSpan = (span, text, index) => {
  const element = make("span", { className: "span", textContent: text });
  if (showsType(span.type)) paint(element, span.type).dataset.type = span.type;
  if (index === null) return element;
  if (cutsWords() && span.confidence !== null && span.confidence < UNSURE) {
    element.classList.add("unsure");
    element.title = `less than ${100 * UNSURE} % probable`;
  }
  element.dataset.index = index;
  element.setAttribute("role", "button");
  element.setAttribute("aria-label", `${text}: ${span.type}, ${percent(span.confidence)}`);
  element.tabIndex = -1;
  return element;
};

const drawText = (sentence, found, isMain) => {
  const cut = slicer(sentence);
  const paragraph = make("p", { dir: "auto" });
  let reached = sentence.start;
  found.forEach((span, index) => {
    if (span.start > reached) paragraph.append(cut(reached, span.start));
    paragraph.append(drawSpan(span, cut(span.start, span.end), isMain ? index : null));
    reached = span.end;
  });
  if (reached < sentence.end) paragraph.append(cut(reached, sentence.end));
  return paragraph;
};

const drawSentence = (sentence) => {
  const element = make("div", { className: "sentence" }, drawText(sentence, sentence.spans, true));
  if (sentence.nbest) {
    const list = make("ol", { className: "readings" });
    list.setAttribute("aria-label", "The best readings of this sentence");
    for (const reading of sentence.nbest) {
      const chance = make("span", { className: "chance", textContent: percent(reading.confidence) });
      chance.style.setProperty("--chance", String(reading.confidence));
      list.append(make("li", { className: "reading" }, chance, drawText(sentence, reading.spans, false)));
    }
    element.append(list);
  }
  return element;
};

// What was drawn before is kept as far as it is the same, so that a key in a long text moves little.
const likeness = (sentence) => {
  const { start } = sentence;
  const brief = (list) => list.map((span) => [span.type, span.start - start, span.end - start, span.confidence, span.rivals && span.rivals.length]);
  return JSON.stringify([model.name, sentence.text, brief(sentence.spans), sentence.nbest && sentence.nbest.map((each) => [each.confidence, brief(each.spans)])]);
};
let likenesses = [];

const draw = (text, found) => {
  const held = document.activeElement && document.activeElement.closest("#drawn .span");
  const focus = held ? spans.indexOf(held) : -1;
  const keys = found.map(likeness);
  let before = 0;
  while (before < keys.length && before < likenesses.length && keys[before] === likenesses[before]) before += 1;
  let after = 0;
  while (after < Math.min(keys.length, likenesses.length) - before && keys[keys.length - 1 - after] === likenesses[likenesses.length - 1 - after]) after += 1;
  const old = elements.slice(before, elements.length - after);
  const fresh = found.slice(before, found.length - after).map(drawSentence);
  const following = elements[elements.length - after] || null;
  for (const element of old) element.remove();
  const piece = document.createDocumentFragment();
  piece.append(...fresh);
  drawn.insertBefore(piece, after ? following : null);
  elements = [...elements.slice(0, before), ...fresh, ...elements.slice(elements.length - after)];
  likenesses = keys;
  sentences = found;
  drawnText = text;
  drawn.classList.toggle("words", cutsWords());
  hideDetails();
  filter();
  if (focus >= 0 && spans.length && !drawn.contains(document.activeElement)) moveTo(Math.min(focus, spans.length - 1));
};

const isShown = (span) => cutsWords() || span.confidence === null || span.confidence >= least;

const filter = () => {
  spans = [];
  const counts = new Map();
  let all = 0;
  sentences.forEach((sentence, place) => {
    const marks = elements[place].firstChild.querySelectorAll(".span");
    sentence.spans.forEach((span, index) => {
      const mark = marks[index];
      all += 1;
      const shown = isShown(span);
      if (mark.classList.contains("off") === shown) {
        mark.classList.toggle("off", !shown);
        if (shown) mark.setAttribute("role", "button");
        else mark.removeAttribute("role");
      }
      if (!shown) {
        mark.removeAttribute("tabindex");
        return;
      }
      mark.tabIndex = -1;
      spans.push(mark);
      counts.set(span.type, (counts.get(span.type) || 0) + 1);
    });
  });
  if (spans.length) spans[0].tabIndex = 0;
  tell(spans.length, all);
  drawLegend(counts);
  const empty = !sentences.length;
  for (const id of ["copy-json", "copy-conll"]) byId(id).disabled = empty;
  byId("size").textContent = drawnText ? count(Array.from(drawnText).length, "character") : "";
  if (details.ownerMark && details.ownerMark.classList.contains("off")) hideDetails();
};

const status = byId("status");
let telling = null;
const tell = (shown, all) => {
  const what = cutsWords() ? "word" : "span";
  const within = `in ${count(sentences.length, "sentence")}`;
  const message = !sentences.length
    ? "What the model finds is drawn here as you type."
    : shown === all
      ? `${count(all, what)} ${within}`
      : `${shown.toLocaleString("en")} of ${count(all, what)} ${within}; the others are less probable`;
  clearTimeout(telling);
  if (status.textContent === message) return;
  telling = setTimeout(() => (status.textContent = message), status.textContent ? 250 : 0); // spoken once, not at each step
};

const drawLegend = (counts) => {
  const rows = [...counts].filter(([type]) => showsType(type)).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  byId("legend").replaceChildren(
    ...rows.map(([type, number]) =>
      make("li", {}, paint(make("bdi", { className: "swatch", textContent: type }), type), make("b", { textContent: number.toLocaleString("en") }))),
  );
};
