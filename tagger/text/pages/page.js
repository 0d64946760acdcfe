"use strict";
(() => {
  const root = document.documentElement;
  const find = (id) => document.getElementById(id);
  const number = (value) => value.toLocaleString("en");
  const squeeze = (text) => text.replace(/\s+/g, "").toLowerCase();

  // Every page: light or dark, and tables that the keyboard can scroll.

  const theme = find("theme");
  theme.addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  theme.hidden = false;

  const wide = [...document.querySelectorAll(".wide")];
  const reach = () => {
    for (const each of wide) {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
      else each.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", reach);
  reach();

  const form = find("filters");
  if (!form) return;

  // A list of places: each an article, which is or holds things with a kind and types.

  const list = find("list");
  const status = find("status");
  const search = find("search");
  const type = find("type");
  const order = find("order");
  const chosen = find("chosen");
  const ticked = find("ticked");
  const kinds = [...form.querySelectorAll("input[name=kind]")];
  const cells = [...document.querySelectorAll(".cell")];
  const groups = [...list.querySelectorAll(".group")];
  let cell = null;

  const thingOf = (element) => ({
    element,
    kind: element.dataset.k,
    types: element.dataset.types.split("\n"),
    gold: element.dataset.g,
    found: element.dataset.p,
    confidence: Number(element.dataset.c || 0),
    missed: Number(element.dataset.m || 0),
  });
  const places = [...list.querySelectorAll("article")].map((element, index) => ({
    element,
    index,
    box: element.querySelector("input"),
    text: null,
    things: element.dataset.types === undefined
      ? [...element.querySelectorAll("[data-types]")].map(thingOf)
      : [thingOf(element)],
  }));

  const textOf = (place) => {
    if (place.text === null) {
      const words = [...place.element.querySelectorAll(".w")];
      place.text = squeeze(words.map((word) => word.textContent).join(""));
    }
    return place.text;
  };
  const isShown = (place) => !place.element.hidden;

  const say = (message = "") => {
    const { things, places: holders } = form.dataset;
    const shown = places.filter(isShown);
    const parts = ticked ? [`${number(places.filter((place) => place.box.checked).length)} ticked`] : [];
    if (holders) {
      const count = shown.reduce(
        (sum, place) => sum + place.things.filter((thing) => !thing.element.hidden).length, 0,
      );
      parts.push(`${number(count)} ${things} in ${number(shown.length)} of ${number(places.length)} ${holders}`);
    } else {
      parts.push(`${number(shown.length)} of ${number(places.length)} shown`);
    }
    const counts = parts.join(", ");
    status.textContent = message ? `${counts}; ${message}` : counts;
  };

  const filter = () => {
    const wanted = new Set(kinds.filter((box) => box.checked).map((box) => box.value));
    const name = type.value ? type.selectedOptions[0].dataset.t : null;
    const words = squeeze(search.value);
    for (const place of places) {
      let matching = 0;
      for (const thing of place.things) {
        const fits = (!kinds.length || wanted.has(thing.kind))
          && (name === null || thing.types.includes(name))
          && (cell === null || (thing.gold === cell.dataset.g && thing.found === cell.dataset.p));
        thing.element.hidden = !fits;
        matching += fits;
      }
      place.element.hidden = !matching
        || (words !== "" && !textOf(place).includes(words))
        || (ticked !== null && ticked.checked && !place.box.checked);
    }
    for (const group of groups) group.hidden = !group.querySelector("article:not([hidden])");
    chosen.hidden = cell === null;
    chosen.textContent = cell === null ? "" : `${cell.getAttribute("aria-label")} ×`;
    for (const each of cells) each.setAttribute("aria-pressed", String(each === cell));
    say();
  };

  const sort = () => {
    if (!order) return;
    const most = (place, name) => Math.max(...place.things.map((thing) => thing[name]));
    const rules = {
      file: () => 0,
      errors: (a, b) => b.things.length - a.things.length,
      sure: (a, b) => most(b, "confidence") - most(a, "confidence"),
      near: (a, b) => most(b, "missed") - most(a, "missed"),
    };
    const rule = rules[order.value];
    list.append(...[...places].sort((a, b) => rule(a, b) || a.index - b.index).map((place) => place.element));
  };

  // The address holds what is shown, so that a link shows it again: "#errors&kind=missed&type=PER&words=Ada".

  let anchor = "";

  const write = () => {
    const asked = new URLSearchParams();
    const kept = kinds.filter((box) => box.checked);
    if (kept.length < kinds.length) asked.set("kind", kept.map((box) => box.value).join(","));
    if (type.value) asked.set("type", type.selectedOptions[0].dataset.t);
    if (search.value) asked.set("words", search.value);
    if (order && order.selectedIndex > 0) asked.set("order", order.value);
    if (ticked && ticked.checked) asked.set("ticked", "yes");
    if (cell && cell.dataset.g !== undefined) asked.set("gold", cell.dataset.g);
    if (cell && cell.dataset.p !== undefined) asked.set("found", cell.dataset.p);
    const address = [anchor, String(asked)].filter(Boolean).join("&");
    if (address === location.hash.slice(1)) return;
    try {
      history.replaceState(null, "", address ? `#${address}` : location.pathname + location.search);
    } catch { /* some viewers don't let a page write its address; it filters all the same */ }
  };

  const read = () => {
    const parts = location.hash.slice(1).split("&");
    anchor = parts[0].includes("=") ? "" : parts.shift();
    const asked = new URLSearchParams(parts.join("&"));
    const wanted = asked.has("kind") ? asked.get("kind").split(",") : null;
    for (const box of kinds) box.checked = wanted === null || wanted.includes(box.value);
    const option = [...type.options].find((each) => each.value && each.dataset.t === asked.get("type"));
    type.value = option ? option.value : "";
    search.value = asked.get("words") || "";
    if (order) {
      order.value = asked.get("order") || "";
      if (order.selectedIndex < 0) order.selectedIndex = 0;
    }
    if (ticked) ticked.checked = asked.has("ticked");
    const [gold, found] = ["gold", "found"].map((name) => (asked.has(name) ? asked.get(name) : undefined));
    cell = gold === undefined && found === undefined
      ? null
      : cells.find((each) => each.dataset.g === gold && each.dataset.p === found) || null;
    sort();
    filter();
    const target = anchor && parts.length ? find(anchor) : null;
    if (target) target.scrollIntoView();
  };

  const update = () => {
    filter();
    write();
  };

  addEventListener("hashchange", () => {
    const asked = location.hash.slice(1);
    if (asked.includes("=")) {
      read();
    } else {
      anchor = asked; // a link to a part of the page: what is shown stays
      write();
    }
  });

  const clear = () => {
    for (const box of kinds) box.checked = true;
    type.value = "";
    search.value = "";
    if (ticked) ticked.checked = false;
    cell = null;
    update();
  };

  const step = (direction) => {
    const visible = [...list.querySelectorAll("article:not([hidden])")];
    if (!visible.length) return;
    const here = visible.indexOf(document.activeElement.closest("article"));
    const next = here < 0 ? (direction > 0 ? 0 : visible.length - 1) : here + direction;
    const target = visible[Math.min(Math.max(next, 0), visible.length - 1)];
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest" });
  };

  // The matrix: a cell chooses its things, arrows go from cell to cell.

  const choose = (target) => {
    cell = cell === target ? null : target;
    if (cell !== null) for (const box of kinds) box.checked = true;
    update();
    if (cell !== null) {
      find("errors").scrollIntoView();
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

  // Ticks, where places can be chosen: remembered, saved, copied.

  const { name, state, command } = document.body.dataset;
  const key = `tagger-ticks-${state}`;
  const fileName = `${name}.ids.txt`;
  const listTicked = () => places.filter((place) => place.box.checked);

  const recall = () => {
    let known = new Set();
    try {
      known = new Set(JSON.parse(localStorage.getItem(key) || "[]"));
    } catch { /* a browser may refuse to keep anything for a page that is a file */ }
    for (const { box, element } of places) box.checked = known.has(element.dataset.id);
  };

  const keep = () => {
    for (const { box, element } of places) element.classList.toggle("ticked", box.checked);
    try {
      localStorage.setItem(key, JSON.stringify(listTicked().map(({ element }) => element.dataset.id)));
    } catch { /* then ticks last as long as the page */ }
    say();
  };

  const tick = (chosenPlaces, value) => {
    for (const place of chosenPlaces) place.box.checked = value;
    keep();
  };

  const writeIds = () => [
    `# ${command}`,
    ...listTicked().map(({ element: { dataset } }) => `${dataset.id}  # line ${dataset.line}: ${dataset.what}`),
    "",
  ].join("\n");

  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([writeIds()], { type: "text/plain" }));
    link.download = fileName;
    link.click();
    URL.revokeObjectURL(link.href);
    say(`saved as ${fileName}`);
  };

  const copy = async () => {
    const text = writeIds();
    try {
      await navigator.clipboard.writeText(text);
      say("copied");
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      say(done ? "copied" : "the browser does not let this page copy; save them instead");
    }
  };

  if (ticked) {
    recall();
    keep();
    list.addEventListener("change", keep);
    find("tick").addEventListener("click", () => tick(places.filter(isShown), true));
    find("untick").addEventListener("click", () => tick(places.filter(isShown), false));
    find("save").addEventListener("click", save);
    find("copy").addEventListener("click", copy);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      clear();
      return;
    }
    if (event.target.closest("input[type=search], select, textarea")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "x" && ticked) {
      const here = document.activeElement.closest("article");
      const place = places.find((each) => each.element === here);
      if (place) tick([place], !place.box.checked);
    } else if (event.key === "/") {
      event.preventDefault();
      search.focus();
    }
  });

  chosen.addEventListener("click", () => choose(cell));
  find("clear").addEventListener("click", clear);
  if (order) order.addEventListener("change", sort);
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  read();
})();
