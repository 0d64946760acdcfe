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
