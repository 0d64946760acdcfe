"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const make = (name, properties = {}, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  };
  const percent = (value) => {
    if (value === null || value === undefined) return "?";
    const hundred = 100 * value;
    if (hundred === 0 || hundred === 100) return `${hundred} %`;
    if (hundred > 99.9) return "> 99.9 %";
    if (hundred < 0.01) return "< 0.01 %";
    const digits = hundred < 0.1 ? 2 : hundred < 10 || hundred > 99 ? 1 : 0;
    return `${hundred.toFixed(digits)} %`;
  };
  const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

  const PAUSE = 150; // ms without a key before the model is asked
  const MOST_IN_FLIGHT = 3;
  const RIVALS = 5;
  const READINGS = 3;
  const UNSURE = 0.8; // a word less probable is marked
  const MOST_TAGS = 240; // of a matrix that is drawn
  const EXAMPLES = {
    en: "Ada Lovelace met Charles Babbage in London on 5 June 1833. \"The Analytical Engine weaves algebraic patterns,\" she wrote later.\n\nThe European Commission said on Friday that Siemens would open a new plant in Rotterdam. Reuters reported that Angela Merkel had visited New York in May.",
    zh: "中国总理李克强昨天在北京会见了联合国秘书长。\n\n上海的春天来得很早，小王和他的同学们一起去黄浦江边散步。研究生命的起源是一件有意思的事。",
  };

  const box = byId("box");
  const drawn = byId("drawn");
  const details = byId("details");
  const chooser = byId("model");
  const language = byId("language");
  const slider = byId("least");

  let models = [];
  let model = null;
  let hues = new Map();
  let least = 0; // what is less probable is hidden
  let isOwn = true; // whether `least` is what the model chose
  let wantsReadings = false;
  let sentences = []; // as the server gave them
  let elements = []; // one for each
  let drawnText = "";
  let spans = []; // drawn and visible, in order

  // The address holds which model and how much, never the text.

  const readAddress = () => new URLSearchParams(location.hash.slice(1));
  const writeAddress = () => {
    const state = new URLSearchParams();
    if (models.length > 1 && model) state.set("model", model.name);
    if (!isOwn) state.set("least", String(least));
    if (!byId("view-model").hidden) state.set("view", "model");
    const hash = state.toString();
    if (hash !== location.hash.slice(1)) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  };

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
    constructor(message, wait) {
      super(message);
      this.wait = wait; // seconds after which to ask again; null: never
    }
  }

  const read = async (answer) => {
    if (answer.ok) return answer.json();
    let message = `The server answered ${answer.status} ${answer.statusText}`.trim() + ".";
    try {
      const body = await answer.json();
      if (body.error) message = `The server says: ${body.error}${body.field ? ` (${body.field})` : ""}`;
    } catch {
      // no JSON: a proxy stands in between
    }
    const later = [429, 502, 503, 504].includes(answer.status);
    const named = Number(answer.headers.get("Retry-After"));
    throw new Refusal(message, later ? named || Math.min(2 ** failures, 15) : null);
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
      if (error.name !== "AbortError" && number === asked) failed(error, ask);
    } finally {
      inFlight.delete(number);
      if (!inFlight.size) drawn.classList.remove("waiting");
    }
  };

  // Drawing. Text goes in as text, never as HTML. Offsets count code points; a string of JavaScript UTF-16 units.

  const cutsWords = () => model !== null && model.task !== "labels";
  const slicer = (sentence) => {
    const { text, start, end } = sentence;
    if (text.length === end - start) return (from, to) => text.slice(from - start, to - start);
    const points = Array.from(text);
    return (from, to) => points.slice(from - start, to - start).join("");
  };
  const paint = (element, type) => {
    const place = hues.get(type);
    if (place === undefined) return element;
    element.style.setProperty("--hue", String(place.hue));
    if (place.rule !== "solid") element.style.setProperty("--rule", place.rule);
    return element;
  };
  const showsType = (type) => model.task !== "words" && !(model.types.length === 1 && ["word", "span"].includes(type));

  const drawSpan = (span, text, index) => {
    const element = make("span", { className: "span", textContent: text });
    if (showsType(span.type)) element.dataset.type = span.type;
    if (index === null) return paint(element, span.type);
    if (cutsWords() && span.confidence !== null && span.confidence < UNSURE) element.classList.add("unsure");
    element.dataset.index = index;
    element.setAttribute("role", "button");
    element.setAttribute("aria-label", `${text}: ${span.type}, ${percent(span.confidence)}`);
    element.tabIndex = -1;
    return paint(element, span.type);
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

  // What a span is, and what else it could be.

  const spanOf = (mark) => {
    const place = elements.indexOf(mark.closest(".sentence"));
    return place < 0 ? null : sentences[place].spans[Number(mark.dataset.index)];
  };

  let leaving = null;
  const hideDetails = () => {
    clearTimeout(leaving);
    if (details.ownerMark) {
      details.ownerMark.classList.remove("open");
      details.ownerMark.removeAttribute("aria-describedby");
    }
    details.ownerMark = null;
    details.hidden = true;
  };

  const bar = (name, text, type, chance) => {
    const what = make("span", { className: "what" }, name);
    if (text) what.append(" ", make("bdi", { textContent: text }));
    const meter = make("span", { className: "meter" }, make("i"));
    meter.style.setProperty("--chance", String(chance));
    const row = make("li", { className: type === null ? "none" : "" }, what, make("span", { className: "much", textContent: percent(chance) }), meter);
    return paint(row, type);
  };

  const showDetails = (mark) => {
    clearTimeout(leaving);
    if (details.ownerMark === mark) return;
    hideDetails();
    const span = spanOf(mark);
    if (!span) return;
    const named = (type) => (showsType(type) ? type : cutsWords() ? "word" : type);
    const parts = [
      make("h2", { dir: "auto", textContent: mark.textContent }),
      make("ol", {}, bar(named(span.type), "", span.type, span.confidence)),
    ];
    const rivals = span.rivals || [];
    if (rivals.length) {
      parts.push(make("h3", { textContent: "What else it might be" }));
      parts.push(make("ol", {}, ...rivals.map((rival) => {
        const isElsewhere = rival.start !== span.start || rival.end !== span.end;
        const nothing = cutsWords() ? "no word" : "no span here";
        return bar(rival.type === null ? nothing : named(rival.type), isElsewhere ? rival.text : "", rival.type, rival.confidence);
      })));
    } else {
      parts.push(make("p", { textContent: "Nothing else has a probability of 0.01 % or more." }));
    }
    details.replaceChildren(...parts);
    details.ownerMark = mark;
    details.hidden = false;
    mark.classList.add("open");
    mark.setAttribute("aria-describedby", "details");
    place(mark);
  };

  const place = (mark) => {
    details.style.left = details.style.top = "";
    if (getComputedStyle(details).position === "fixed") return;
    const lines = mark.getClientRects();
    const line = lines[0];
    const last = lines[lines.length - 1];
    const { offsetWidth: width, offsetHeight: height } = details;
    const left = Math.max(12, Math.min(last.left, document.documentElement.clientWidth - width - 12));
    const below = last.bottom + height + 12 < innerHeight || line.top < height + 12;
    details.style.left = `${left + scrollX}px`;
    details.style.top = `${(below ? last.bottom + 6 : line.top - height - 6) + scrollY}px`;
  };

  const moveTo = (index) => {
    const mark = spans[index];
    for (const each of spans) if (each.tabIndex === 0) each.tabIndex = -1;
    mark.tabIndex = 0;
    mark.focus();
  };
  const markOf = (event) => {
    const mark = event.target.closest && event.target.closest(".span[data-index]");
    return mark && !mark.classList.contains("off") ? mark : null;
  };
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => {
      const held = document.activeElement && document.activeElement.closest("#drawn .span");
      if (held && spans.includes(held) && held.matches(":focus-visible")) showDetails(held);
      else hideDetails();
    }, 200);
  };
  drawn.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const mark = markOf(event);
    if (mark) showDetails(mark);
  });
  drawn.addEventListener("pointerout", (event) => {
    if (event.pointerType !== "touch" && markOf(event)) leave();
  });
  details.addEventListener("pointerenter", () => clearTimeout(leaving));
  details.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "touch") leave();
  });
  drawn.addEventListener("focusin", (event) => {
    const mark = markOf(event);
    if (mark) showDetails(mark);
  });
  drawn.addEventListener("focusout", leave);
  drawn.addEventListener("click", (event) => {
    const mark = markOf(event);
    if (mark) {
      moveTo(spans.indexOf(mark));
      showDetails(mark);
    }
  });
  drawn.addEventListener("keydown", (event) => {
    const here = spans.indexOf(event.target);
    if (here < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const isReversed = getComputedStyle(event.target.closest("p")).direction === "rtl";
    const steps = { ArrowRight: isReversed ? -1 : 1, ArrowLeft: isReversed ? 1 : -1, ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      event.preventDefault();
      moveTo(Math.max(0, Math.min(spans.length - 1, here + steps[event.key])));
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (details.hidden) showDetails(event.target);
      else hideDetails();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hideDetails();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest("#details, .span")) hideDetails();
  });
  addEventListener("resize", () => {
    if (details.ownerMark) place(details.ownerMark);
  });

  // Copying: what the server gave, less what the slider hides.

  const given = () =>
    sentences.map((sentence) => {
      if (cutsWords()) return sentence;
      const left = sentence.spans.filter((span) => !isShown(span));
      if (!left.length) return sentence;
      const kept = sentence.spans.filter(isShown);
      return { ...sentence, tokens: withoutTags(sentence.tokens, left, kept), spans: kept };
    });
  const withoutTags = (tokens, left, kept) => {
    if (model.scheme === "BARE") return tokens;
    const owner = (list, token) => list.find((span) => span.start <= token[0] && token[1] <= span.end);
    const found = tokens.map((token) => (owner(left, token) ? [token[0], token[1], "O"] : token));
    if (model.scheme !== "IOB1") return found;
    let last = null; // in IOB1 a span begins with B only behind another one of its type
    return found.map((token) => {
      const span = owner(kept, token) || null;
      const follows = span && last && span !== last && last.type === span.type;
      last = span;
      return span ? [token[0], token[1], (follows ? "B" : "I") + token[2].slice(1)] : token;
    });
  };
  const asJson = () => `[\n${given().map((sentence) => JSON.stringify(sentence)).join(",\n")}\n]\n`;
  const asConll = () =>
    given().map((sentence) => {
      const cut = slicer(sentence);
      return `${sentence.tokens.map(([start, end, tag]) => `${cut(start, end)}\t${tag}\n`).join("")}\n`;
    }).join("");

  const copy = async (button, text) => {
    try {
      if (!navigator.clipboard) throw new Error("no clipboard: the page did not come over https");
      await navigator.clipboard.writeText(text);
    } catch {
      const sheet = make("textarea", { value: text });
      document.body.append(sheet);
      sheet.select();
      const done = document.execCommand("copy");
      sheet.remove();
      button.focus();
      if (!done) {
        say("The browser doesn't let this page copy.");
        return;
      }
    }
    const name = button.dataset.name || (button.dataset.name = button.textContent);
    button.textContent = "copied";
    status.textContent = `Copied ${count(sentences.length, "sentence")} as ${name}.`;
    clearTimeout(button.reset);
    button.reset = setTimeout(() => {
      button.textContent = name;
      filter();
    }, 1500);
  };
  byId("copy-json").addEventListener("click", (event) => copy(event.currentTarget, asJson()));
  byId("copy-conll").addEventListener("click", (event) => copy(event.currentTarget, asConll()));

  // The slider.

  const showLeast = () => {
    slider.value = String(least);
    byId("least-shown").textContent = percent(least);
    slider.setAttribute("aria-valuetext", percent(least));
    byId("least-field").hidden = !model || cutsWords();
    byId("own").hidden = isOwn || !model || cutsWords();
    if (model) byId("own").textContent = `the model's own: ${percent(model.min_confidence || 0)}`;
  };
  const setLeast = (value, own) => {
    least = value;
    isOwn = own;
    showLeast();
    writeAddress();
  };
  let painting = false;
  slider.addEventListener("input", () => {
    setLeast(Number(slider.value), false);
    if (painting) return;
    painting = true;
    requestAnimationFrame(() => {
      painting = false;
      filter();
    });
  });
  byId("own").addEventListener("click", () => {
    setLeast(model.min_confidence || 0, true);
    filter();
    slider.focus();
  });

  byId("readings").addEventListener("click", (event) => {
    wantsReadings = !wantsReadings;
    event.currentTarget.setAttribute("aria-pressed", String(wantsReadings));
    if (wantsReadings) ask();
    else draw(drawnText, sentences.map(({ nbest, ...rest }) => rest));
  });

  box.addEventListener("input", () => schedule());
  language.addEventListener("change", ask);
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", () => {
      box.value = EXAMPLES[button.dataset.example];
      box.focus();
      ask();
    });
  }

  // Views.

  const tabs = [byId("tab-text"), byId("tab-model")];
  const show = (name, isMoved) => {
    for (const tab of tabs) {
      const isChosen = tab.id === `tab-${name}`;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !isChosen;
      if (isChosen && isMoved) tab.focus();
    }
    hideDetails();
    writeAddress();
    if (name === "model") describe();
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => show(tab.id.slice(4), false));
    tab.addEventListener("keydown", (event) => {
      const target = { ArrowRight: 1 - index, ArrowLeft: 1 - index, Home: 0, End: 1 }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      show(tabs[target].id.slice(4), true);
    });
  });

  // A model: what it is, how good, how tags follow each other, and its card.

  let described = null;
  const describe = async () => {
    if (!model || described === model) return;
    const wanted = model;
    try {
      const facts = await read(await fetch(`models/${encodeURIComponent(wanted.name)}`, { headers: { Accept: "application/json" } }));
      if (model !== wanted) return;
      described = wanted;
      if (!inFlight.size) recovered();
      drawFacts(facts);
      drawScores(facts.scores);
      drawMoves(facts.transitions);
      drawCard(facts.card);
    } catch (error) {
      if (model === wanted) failed(error, describe);
    }
  };

  const drawFacts = (facts) => {
    const tasks = { labels: "labels words", words: "cuts text into words", joint: "cuts text into words and labels them" };
    const score = (value) => (value === null || value === undefined ? null : (100 * value).toFixed(2));
    const f1 = facts.f1 || {};
    const rows = [
      [facts.name, tasks[facts.task] || facts.task],
      [score(f1.dev), "F1 on dev"],
      [score(f1.test), "F1 on test"],
      [facts.types.length.toLocaleString("en"), facts.types.length === 1 ? "type" : "types"],
      [facts.scheme, "scheme"],
      [facts.parameters && facts.parameters.toLocaleString("en"), "parameters"],
      [facts.task === "labels" ? percent(facts.min_confidence || 0) : null, "least probability of a span"],
      [facts.loaded && new Date(facts.loaded).toLocaleString(), "loaded"],
      [facts.sha256 && facts.sha256.slice(0, 12), "checksum (SHA-256)"],
    ];
    byId("facts").replaceChildren(...rows.filter(([value]) => value).map(([value, what]) => make("li", {}, make("b", { textContent: value }), make("span", { textContent: what }))));
  };

  const table = (caption, head, rows) => {
    const body = rows.map(([name, values, isTotal]) =>
      make("tr", { className: isTotal ? "total" : "" }, make("th", { scope: "row", textContent: name }), ...values.map((value) => make("td", { textContent: value }))));
    return make("table", {},
      make("caption", { textContent: caption }),
      make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col", textContent: name })))),
      make("tbody", {}, ...body));
  };

  const drawScores = (scores) => {
    const tables = [];
    for (const part of ["dev", "test"]) {
      const found = scores && scores[part];
      if (!found || !found.micro) continue;
      const row = (name, each, isTotal) => [name, [...["precision", "recall", "f1"].map((key) => (each[key] === null || each[key] === undefined ? "" : (100 * each[key]).toFixed(2))), (each.support ?? "").toLocaleString("en")], isTotal];
      const rows = Object.entries(found.types || {}).map(([type, each]) => row(type || (cutsWords() ? "word" : "span"), each, false));
      if (found.macro && rows.length > 1) rows.push(row("macro average", found.macro, true));
      rows.push(row("all", found.micro, true));
      const size = found.sentences ? `: ${count(found.sentences, "sentence")}, ${count(found.tokens, "token")}` : "";
      tables.push(make("div", { className: "wide" }, table(`${part}${size}`, ["", "precision", "recall", "F1", "support"], rows)));
    }
    byId("scores").replaceChildren(make("h2", { textContent: "Scores" }), tables.length
      ? make("div", { className: "columns" }, ...tables)
      : make("p", { className: "quiet", textContent: "This model was saved without scores." }));
  };

  const rounded = (value, digits) => {
    const written = Math.abs(value).toFixed(digits);
    return value < 0 && Number(written) ? `\u2212${written}` : written;
  };
  const drawMoves = (transitions) => {
    const section = byId("moves");
    const title = make("h2", { textContent: "Which tag follows which" });
    const { tags, moves, start, end } = transitions || {};
    if (!tags || tags.length > MOST_TAGS) {
      const why = tags ? `It has ${count(tags.length, "tag")}, too many to draw.` : "Its tags are chosen independently of each other.";
      section.replaceChildren(title, make("p", { className: "quiet", textContent: why }));
      return;
    }
    const rows = [["beginning", [...start, null]], ...tags.map((tag, row) => [tag, [...moves[row], end[row]]])];
    const targets = [...tags, "end"];
    const largest = Math.max(0.01, ...rows.map(([, values]) => Math.max(...values.map((value) => Math.abs(value ?? 0)))));
    const hasNumbers = tags.length <= 24;
    const matrix = make("table", { className: "matrix" });
    matrix.style.setProperty("--cell", hasNumbers ? "2.1rem" : tags.length <= 64 ? "1.1rem" : ".7rem");
    matrix.append(
      make("caption", { textContent: "Scores of moves between neighbouring tags, in nats: what the chain adds for each." }),
      make("thead", {}, make("tr", {}, make("th", { className: "axis", textContent: "from \u2193 to \u2192" }),
        ...targets.map((tag) => make("th", { scope: "col" }, make("span", { className: "to", textContent: tag }))))),
      make("tbody", {}, ...rows.map(([tag, values]) => make("tr", {}, make("th", { scope: "row", textContent: tag }), ...values.map((value, column) => {
        const cell = make("td", { tabIndex: -1 });
        const words = `from ${tag} to ${targets[column]}: ${value === null ? "never" : rounded(value, 2)}`;
        cell.dataset.words = words;
        if (value === null) {
          cell.className = "never";
          cell.setAttribute("aria-label", words);
          return cell;
        }
        const share = Math.abs(value) / largest;
        cell.style.setProperty("--share", share.toFixed(3));
        cell.style.setProperty("--tone", value < 0 ? "var(--low)" : "var(--high)");
        if (hasNumbers) cell.textContent = rounded(value, 1);
        if (share > 0.6) cell.className = "strong";
        cell.setAttribute("aria-label", words);
        return cell;
      })))),
    );
    const readout = make("p", { id: "readout", className: "quiet", textContent: "Point at a field, or walk with the arrow keys." });
    readout.setAttribute("aria-live", "polite");
    const key = make("p", { className: "key" },
      make("span", {}, `\u2212${largest.toFixed(1)}`, make("span", { className: "ramp" }), `+${largest.toFixed(1)}`),
      make("span", {}, make("span", { className: "never-key" }), "never: the scheme forbids it"));
    section.replaceChildren(title, key, make("div", { className: "wide" }, matrix), readout);
    const grid = [...matrix.tBodies[0].rows].map((row) => [...row.cells].slice(1));
    grid[0][0].tabIndex = 0;
    let here = null;
    const point = (cell) => {
      if (here) here.classList.remove("here");
      here = cell;
      cell.classList.add("here");
      readout.textContent = cell.dataset.words;
    };
    matrix.addEventListener("pointerover", (event) => {
      const cell = event.target.closest("td");
      if (cell) point(cell);
    });
    matrix.addEventListener("focusin", (event) => {
      const cell = event.target.closest("td");
      if (cell) point(cell);
    });
    matrix.addEventListener("keydown", (event) => {
      const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
      const cell = event.target.closest("td");
      if (!step || !cell) return;
      event.preventDefault();
      const row = Math.max(0, Math.min(grid.length - 1, cell.parentElement.sectionRowIndex + step[0]));
      const column = Math.max(0, Math.min(grid[0].length - 1, cell.cellIndex - 1 + step[1]));
      cell.tabIndex = -1;
      grid[row][column].tabIndex = 0;
      grid[row][column].focus();
    });
  };

  // The card: a little of Markdown. Whatever else stands there is text; HTML is shown as it is written.

  const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|!?\[([^\]]*)\]\(([^()\s]+)\)|<(https?:\/\/[^<>\s]+)>/;
  const inline = (text) => {
    const parts = [];
    let rest = text;
    for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
      if (match.index) parts.push(rest.slice(0, match.index));
      const [whole, , code, strong, soft, label, target, bare] = match;
      const address = target || bare;
      if (code !== undefined) parts.push(make("code", { textContent: code.trim() || code }));
      else if (strong !== undefined) parts.push(make("strong", {}, ...inline(strong)));
      else if (soft !== undefined) parts.push(make("em", {}, ...inline(soft)));
      else if (/^https?:\/\//i.test(address)) parts.push(make("a", { href: address, rel: "noopener noreferrer", target: "_blank", textContent: label || address }));
      else parts.push(`${label} (${address})`);
      rest = rest.slice(match.index + whole.length);
    }
    if (rest) parts.push(rest);
    return parts;
  };
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
  const isRule = (line) => line !== undefined && /-/.test(line) && /^\s*\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?)?\s*$/.test(line);

  const markdown = (text) => {
    const lines = text.replace(/\r\n?/g, "\n").split("\n");
    const blocks = [];
    let at = 0;
    const starts = (line) => /^(#{1,6}\s|```|~~~|\s*([-*+]|\d+[.)])\s|\s*\|)/.test(line) || !line.trim();
    while (at < lines.length) {
      const line = lines[at];
      const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
      const fence = /^(```|~~~)/.exec(line);
      const item = /^\s*([-*+]|\d+[.)])\s+/;
      if (!line.trim()) at += 1;
      else if (heading) {
        blocks.push(make(`h${Math.min(heading[1].length + 2, 6)}`, {}, ...inline(heading[2])));
        at += 1;
      } else if (fence) {
        const held = [];
        for (at += 1; at < lines.length && !lines[at].startsWith(fence[1]); at += 1) held.push(lines[at]);
        at += 1;
        blocks.push(make("pre", {}, make("code", { textContent: held.join("\n") })));
      } else if (line.includes("|") && isRule(lines[at + 1])) {
        const head = cells(line);
        const sides = cells(lines[at + 1]).map((rule) => (/-:$/.test(rule) ? "end" : "start"));
        const row = (name, values) => make("tr", {}, ...head.map((_, column) => {
          const cell = make(name, {}, ...inline(values[column] || ""));
          cell.style.textAlign = sides[column] || "start";
          return cell;
        }));
        const body = [];
        for (at += 2; at < lines.length && lines[at].includes("|"); at += 1) body.push(row("td", cells(lines[at])));
        blocks.push(make("div", { className: "wide" }, make("table", {}, make("thead", {}, row("th", head)), make("tbody", {}, ...body))));
      } else if (item.test(line)) {
        const list = make(/^\s*\d/.test(line) ? "ol" : "ul");
        while (at < lines.length && item.test(lines[at])) {
          let words = lines[at].replace(item, "");
          for (at += 1; at < lines.length && /^\s+\S/.test(lines[at]) && !item.test(lines[at]); at += 1) words += ` ${lines[at].trim()}`;
          list.append(make("li", {}, ...inline(words)));
        }
        blocks.push(list);
      } else {
        let words = line.trim();
        for (at += 1; at < lines.length && !starts(lines[at]); at += 1) words += ` ${lines[at].trim()}`;
        blocks.push(make("p", {}, ...inline(words)));
      }
    }
    return blocks;
  };
  const drawCard = (card) => {
    byId("card").replaceChildren(make("h2", { textContent: "Model card" }), card
      ? make("div", { className: "card" }, ...markdown(card))
      : make("p", { className: "quiet", textContent: "This model has no card (README.md in its directory)." }));
  };

  // Models.

  const choose = (name) => {
    model = models.find((each) => each.name === name) || models[0];
    chooser.value = model.name;
    byId("language-field").hidden = cutsWords();
    const order = cutsWords() ? ["zh", "en"] : ["en", "zh"];
    const buttons = order.map((each) => document.querySelector(`[data-example="${each}"]`));
    byId("examples").append(...buttons.flatMap((button) => [button, " "]));
    if (isOwn) least = model.min_confidence || 0;
    showLeast();
    writeAddress();
    if (!byId("view-model").hidden) describe();
    ask();
  };
  chooser.addEventListener("change", () => choose(chooser.value));

  const follow = () => {
    const state = readAddress();
    const given = Number(state.get("least"));
    isOwn = !(state.has("least") && given >= 0 && given <= 1);
    if (!isOwn) least = given;
    choose(state.get("model") || (model ? model.name : ""));
    show(state.get("view") === "model" ? "model" : "text", false);
    filter();
  };
  addEventListener("hashchange", () => {
    if (models.length) follow();
  });

  const begin = async () => {
    try {
      const found = await read(await fetch("models", { headers: { Accept: "application/json" } }));
      models = found.models;
      if (!models.length) throw new Refusal("The server has no model.", null);
      recovered();
    } catch (error) {
      failed(error, begin);
      return;
    }
    // A type has one colour whichever model finds it: hues go around the circle in golden steps, and the rule below
    // a span changes each time that the circle is full.
    const types = [...new Set(models.flatMap((each) => each.types))];
    hues = new Map(types.map((type, index) => [type, { hue: (255 + 137.508 * index) % 360, rule: ["solid", "dashed", "dotted", "double"][Math.floor(index / 9) % 4] }]));
    chooser.replaceChildren(...models.map((each) => make("option", { value: each.name, textContent: each.name })));
    chooser.closest("label").hidden = models.length === 1;
    byId("only").textContent = models.length === 1 ? models[0].name : "";
    follow();
  };
  filter();
  begin();
})();
