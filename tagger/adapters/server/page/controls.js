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
