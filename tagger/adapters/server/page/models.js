// Models.

const choose = (name) => {
  model = models.find((each) => each.name === name) || models[0];
  chooser.value = model.name;
  const readsCharacters = model.mode === "characters";
  byId("language-field").hidden = readsCharacters; // it tells abbreviations, which have none of their own there
  const order = readsCharacters ? ["zh", "en"] : ["en", "zh"];
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
  chooser.replaceChildren(...models.map((each) => make("option", { value: each.name, textContent: each.name })));
  chooser.closest("label").hidden = models.length === 1;
  byId("only").textContent = models.length === 1 ? models[0].name : "";
  follow();
};

filter();
begin();
