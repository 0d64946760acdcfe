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
  const matrix = make("table", { className: hasNumbers ? "matrix" : "matrix dense" });
  matrix.style.setProperty("--cell", hasNumbers ? "2.1rem" : tags.length <= 64 ? "1.1rem" : ".7rem");
  matrix.append(
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
  const what = make("p", { className: "quiet", id: "moves-what", textContent: "Scores of moves between neighbouring tags, in nats: what the chain adds for each." });
  matrix.setAttribute("aria-describedby", what.id);
  section.replaceChildren(title, what, key, make("div", { className: "wide frame" }, matrix), readout);
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

const drawCard = (card) => {
  byId("card").replaceChildren(make("h2", { textContent: "Model card" }), card
    ? make("div", { className: "card" }, ...markdown(card))
    : make("p", { className: "quiet", textContent: "This model has no card (README.md in its directory)." }));
};
