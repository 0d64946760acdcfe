// The routes of the server, as it describes them in openapi.json, to be read and tried.

const kindOf = (schema) => {
  const choices = (schema.anyOf || []).filter((each) => each.type !== "null"); // null is as good as leaving it out
  if (choices.length) return choices.map(kindOf).join(" or ");
  if (schema.type === "array") return `list of ${kindOf(schema.items || {}).replace(/^.* or .*$/, "($&)")}`;
  const range = schema.minimum === undefined ? "" : ` ${schema.minimum} to ${schema.maximum}`;
  return (schema.type || "anything") + range;
};

const tableOf = (schema) => {
  const needed = schema.required || [];
  const kindWithDefault = (field) => {
    const kind = kindOf(field);
    return field.default === undefined || field.default === null ? kind : `${kind}; else ${JSON.stringify(field.default)}`;
  };
  const fields = Object.entries(schema.properties).sort(([a], [b]) => needed.includes(b) - needed.includes(a));
  const rows = fields.map(([name, field]) =>
    make("tr", {},
      make("th", { scope: "row" }, make("code", { textContent: name }), needed.includes(name) ? " (needed)" : ""),
      make("td", { textContent: kindWithDefault(field) }),
      make("td", {}, ...inline(field.description || ""))));
  const head = ["field", "is", "what it does"].map((name) => make("th", { scope: "col", textContent: name }));
  return make("div", { className: "wide" },
    make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
};

const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const fold = (list) => list.replace(/\s*\n\s*/g, " "); // no string of JSON has a line end
const write = (value) => JSON.stringify(value, null, 2).replace(/\[[^[\]{}]*\]/g, fold);
const show = (text) => {
  try {
    return write(JSON.parse(text));
  } catch {
    return text; // it isn't JSON
  }
};

const drawRoute = (path, method, route, name) => {
  const contents = (route.requestBody || {}).content;
  const parameters = (route.parameters || []).filter((each) => each.in === "path");
  const section = make("section", { className: "route", "aria-label": `${method} ${path}` },
    make("h2", {}, make("code", { textContent: `${method} ${path}` }), make("span", { className: "quiet", textContent: route.summary || "" })),
    ...markdown(route.description || ""));

  const inputs = parameters.map((parameter) => {
    const input = make("input", { type: "text", size: 24, spellcheck: false, value: name });
    section.append(make("label", {}, `${parameter.name} `, input));
    return [parameter.name, input];
  });
  let kind = null;
  let body = null;
  if (contents) {
    for (const { schema } of Object.values(contents)) if (schema.properties) section.append(tableOf(schema));
    kind = make("select", {}, ...Object.keys(contents).map((each) => make("option", { value: each, textContent: each })));
    body = make("textarea", { rows: 3, spellcheck: false, dir: "auto", "aria-label": `Body of ${method} ${path}` });
    const fill = () => {
      const { example } = contents[kind.value];
      body.value = typeof example === "string" ? example : JSON.stringify(example);
    };
    fill();
    kind.addEventListener("change", fill);
    section.append(make("label", {}, "Content-Type ", kind), body);
  }

  const curl = make("code");
  const answer = make("pre", { hidden: true, tabIndex: 0 }, make("code"));
  answer.setAttribute("aria-live", "polite");
  const address = () => inputs.reduce((found, [key, input]) => found.replace(`{${key}}`, encodeURIComponent(input.value)), path.slice(1));
  const update = () => {
    const parts = ["curl", ...(method === "GET" || body ? [] : ["-X", method]), quote(new URL(address(), location.href).href)];
    if (body) parts.push("-H", quote(`Content-Type: ${kind.value}`), "--data-binary", quote(body.value));
    curl.textContent = parts.join(" ");
  };
  const ask = async () => {
    answer.hidden = false;
    const shown = answer.firstChild;
    shown.textContent = "\u2026";
    try {
      const found = await fetch(address(), body ? { method, headers: { "Content-Type": kind.value }, body: body.value } : { method });
      shown.textContent = `${found.status} ${found.statusText}\n${show(await found.text())}`;
    } catch {
      shown.textContent = "The server doesn't answer.";
    }
  };
  const copy = (event) => {
    const range = document.createRange();
    range.selectNodeContents(curl);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    event.currentTarget.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  };
  section.addEventListener("input", update);
  section.addEventListener("change", update);
  update();
  section.append(
    make("pre", { className: "curl", tabIndex: 0, "aria-label": "The same with curl" }, curl),
    make("div", { className: "bar" },
      make("button", { type: "button", textContent: "Try it", onclick: ask }),
      make("button", { type: "button", textContent: "Copy the curl line", onclick: copy })),
    answer);
  return section;
};

const begin = async () => {
  try {
    const [{ info, paths }, { models }] = await Promise.all(
      ["openapi.json", "models"].map(async (address) => (await fetch(address)).json()));
    byId("version").textContent = info.version;
    byId("about").textContent = info.description;
    byId("routes").replaceChildren(...Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, route]) => drawRoute(path, method.toUpperCase(), route, models[0].name))));
  } catch {
    byId("trouble").textContent = "The server doesn't answer; load the page again when it does.";
  }
};
begin();
