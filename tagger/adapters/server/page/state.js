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
