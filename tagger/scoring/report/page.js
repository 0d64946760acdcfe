"use strict";
(() => {
  const root = document.documentElement;
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const status = document.getElementById("status");
  const search = document.getElementById("search");
  const type = document.getElementById("type");
  const order = document.getElementById("order");
  const chosen = document.getElementById("chosen");
  const theme = document.getElementById("theme");
  const cells = [...document.querySelectorAll(".cell")];
  const kinds = [...form.querySelectorAll("input[name=kind]")];

  const sentences = [...list.children].map((element, index) => ({
    element,
    index,
    text: null,
    mistakes: [...element.querySelectorAll(".m li")].map((item) => ({
      item,
      kind: item.dataset.k,
      gold: item.dataset.g,
      found: item.dataset.p,
      confidence: Number(item.dataset.c || 0),
    })),
  }));
  let cell = null;

  const squeeze = (text) => text.replace(/\s+/g, "").toLowerCase();
  const textOf = (sentence) => {
    if (sentence.text === null) {
      const words = [...sentence.element.querySelectorAll(".w")];
      sentence.text = squeeze(words.map((word) => word.textContent).join(""));
    }
    return sentence.text;
  };

  const filter = () => {
    const wanted = new Set(kinds.filter((box) => box.checked).map((box) => box.value));
    const name = type.value ? type.selectedOptions[0].dataset.t : null;
    const words = squeeze(search.value);
    let shown = 0;
    let errors = 0;
    for (const sentence of sentences) {
      let matching = 0;
      for (const mistake of sentence.mistakes) {
        const fits = wanted.has(mistake.kind)
          && (name === null || mistake.gold === name || mistake.found === name)
          && (cell === null || (mistake.gold === cell.dataset.g && mistake.found === cell.dataset.p));
        mistake.item.hidden = !fits;
        matching += fits;
      }
      const visible = matching > 0 && (!words || textOf(sentence).includes(words));
      sentence.element.hidden = !visible;
      if (visible) {
        shown += 1;
        errors += matching;
      }
    }
    const number = (value) => value.toLocaleString("en");
    const { errors: things = "errors", sentences: places = "wrong sentences" } = form.dataset;
    status.textContent = `${number(errors)} ${things} in ${number(shown)} of ${number(sentences.length)} ${places}`;
    chosen.hidden = cell === null;
    chosen.textContent = cell === null ? "" : `${cell.getAttribute("aria-label")} ×`;
    for (const each of cells) each.setAttribute("aria-pressed", String(each === cell));
  };

  const sort = () => {
    const confidence = (sentence) => Math.max(...sentence.mistakes.map((mistake) => mistake.confidence));
    const rules = {
      file: (a, b) => a.index - b.index,
      errors: (a, b) => b.mistakes.length - a.mistakes.length || a.index - b.index,
      sure: (a, b) => confidence(b) - confidence(a) || a.index - b.index,
    };
    list.append(...[...sentences].sort(rules[order.value]).map((sentence) => sentence.element));
  };

  const clear = () => {
    for (const box of kinds) box.checked = true;
    type.value = "";
    search.value = "";
    cell = null;
    filter();
  };

  const step = (direction) => {
    const visible = [...list.children].filter((element) => !element.hidden);
    if (!visible.length) return;
    const here = visible.indexOf(document.activeElement.closest("article"));
    const next = here < 0 ? (direction > 0 ? 0 : visible.length - 1) : here + direction;
    const target = visible[Math.min(Math.max(next, 0), visible.length - 1)];
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest" });
  };

  const choose = (target) => {
    cell = cell === target ? null : target;
    if (cell !== null) for (const box of kinds) box.checked = true;
    filter();
    if (cell !== null) {
      document.getElementById("errors").scrollIntoView();
      step(1);
    }
  };

  const move = (event, target) => {
    const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const direction = directions[event.key];
    if (!direction) return;
    event.preventDefault();
    const middle = (element) => {
      const box = element.querySelector("rect");
      return [Number(box.getAttribute("x")), Number(box.getAttribute("y"))];
    };
    const [x, y] = middle(target);
    const along = (element) => {
      const [a, b] = middle(element);
      return direction[0] ? [(a - x) * direction[0], Math.abs(b - y)] : [(b - y) * direction[1], Math.abs(a - x)];
    };
    const best = cells
      .map((element) => [along(element), element])
      .filter(([[ahead]]) => ahead > 0)
      .sort(([[a, b]], [[c, d]]) => a + 3 * b - c - 3 * d)[0];
    if (!best) return;
    target.tabIndex = -1;
    best[1].tabIndex = 0;
    best[1].focus();
  };

  cells.forEach((target, index) => {
    target.setAttribute("tabindex", index ? "-1" : "0");
    target.addEventListener("click", () => choose(target));
    target.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(target);
      } else {
        move(event, target);
      }
    });
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      clear();
      return;
    }
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    }
  });

  theme.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  chosen.addEventListener("click", () => choose(cell));
  order.addEventListener("change", sort);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("clear").addEventListener("click", clear);
  form.hidden = false;
  theme.hidden = false;
  filter();
})();
