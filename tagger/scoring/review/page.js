"use strict";
(() => {
  const root = document.documentElement;
  const tools = document.getElementById("tools");
  const status = document.getElementById("status");
  const search = document.getElementById("search");
  const type = document.getElementById("type");
  const ticked = document.getElementById("ticked");
  const theme = document.getElementById("theme");
  const name = document.body.dataset.name;
  const key = `tagger-review-${document.body.dataset.state}`;

  const suspects = [...document.querySelectorAll("article")].map((element) => ({
    element,
    id: element.dataset.id,
    box: element.querySelector("input"),
    types: element.dataset.types.split(" "),
    text: element.textContent.replace(/\s+/g, "").toLowerCase(),
  }));
  const groups = [...document.querySelectorAll(".group")];

  // A browser may refuse to keep anything for a page that is a file; then ticks last as long as the page.
  const remember = (ids) => {
    try {
      localStorage.setItem(key, JSON.stringify(ids));
    } catch { /* nothing is kept */ }
  };
  const recall = () => {
    try {
      return new Set(JSON.parse(localStorage.getItem(key) || "[]"));
    } catch {
      return new Set();
    }
  };

  const chosen = () => suspects.filter((suspect) => suspect.box.checked);
  const shown = () => suspects.filter((suspect) => !suspect.element.hidden);

  const show = (message = "") => {
    for (const suspect of suspects) suspect.element.classList.toggle("ticked", suspect.box.checked);
    const number = (count) => count.toLocaleString("en");
    const counts = `${number(chosen().length)} ticked, ${number(shown().length)} of ${number(suspects.length)} shown`;
    status.textContent = message ? `${counts}; ${message}` : counts;
  };

  const filter = () => {
    const words = search.value.replace(/\s+/g, "").toLowerCase();
    for (const suspect of suspects) {
      suspect.element.hidden = (type.value !== "" && !suspect.types.includes(type.value))
        || (words !== "" && !suspect.text.includes(words))
        || (ticked.checked && !suspect.box.checked);
    }
    for (const group of groups) group.hidden = !group.querySelector("article:not([hidden])");
    show();
  };

  const keep = () => {
    remember(chosen().map((suspect) => suspect.id));
    show();
  };

  const tick = (list, value) => {
    for (const suspect of list) suspect.box.checked = value;
    keep();
  };

  const write = () => [
    `# tagger review ${name} --accept @${fileName()} -o mended-${name}`,
    ...chosen().map(({ id, element }) => `${id}  # line ${element.dataset.line}: ${element.dataset.what}`),
    "",
  ].join("\n");
  const fileName = () => `${name}.ids.txt`;

  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([write()], { type: "text/plain" }));
    link.download = fileName();
    link.click();
    URL.revokeObjectURL(link.href);
    show(`saved as ${fileName()}`);
  };

  const copy = async () => {
    const text = write();
    try {
      await navigator.clipboard.writeText(text);
      show("copied");
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      show(done ? "copied" : "the browser does not let this page copy; save them instead");
    }
  };

  const step = (direction) => {
    const visible = shown().map((suspect) => suspect.element);
    if (!visible.length) return;
    const here = visible.indexOf(document.activeElement.closest("article"));
    const next = here < 0 ? (direction > 0 ? 0 : visible.length - 1) : here + direction;
    const target = visible[Math.min(Math.max(next, 0), visible.length - 1)];
    target.focus({ preventScroll: true });
    target.scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      type.value = search.value = "";
      ticked.checked = false;
      filter();
      return;
    }
    if (event.target.closest("input[type=search], select, textarea")) return;
    const here = suspects.find((suspect) => suspect.element === document.activeElement.closest("article"));
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "x" && here) tick([here], !here.box.checked);
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
  document.getElementById("list").addEventListener("change", keep);
  document.getElementById("tick").addEventListener("click", () => tick(shown(), true));
  document.getElementById("untick").addEventListener("click", () => tick(shown(), false));
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("copy").addEventListener("click", copy);
  tools.addEventListener("input", filter);
  tools.addEventListener("submit", (event) => event.preventDefault());
  const known = recall();
  for (const suspect of suspects) suspect.box.checked = known.has(suspect.id);
  tools.hidden = false;
  theme.hidden = false;
  filter();
})();
