"use strict";
// Shows and hides spans: by type (the boxes of the legend) and by confidence (the slider). A span has the classes tN,
// the number of its type, and cN, its confidence in whole per cent. Two rules of the style sheet hide what is not
// wanted, so that a page with a million spans is not walked through at each step.
(() => {
  const legend = document.getElementById("legend");
  const boxes = []; // by the number of their type
  for (const box of legend.querySelectorAll("input[type=checkbox]")) boxes[Number(box.value)] = box;
  const slider = legend.querySelector("input[type=range]");
  const sheet = document.styleSheets[0];
  const kept = sheet.cssRules.length;

  document.documentElement.classList.add("live");
  document.body.prepend(legend); // where it is seen is also where the keyboard finds it

  // counts[type][per cent] of spans; those without a confidence are always shown: 100
  const counts = boxes.map(() => new Array(101).fill(0));
  for (const mark of document.querySelectorAll("main mark")) {
    let type = 0, share = 100;
    for (const name of mark.classList) {
      if (name[0] === "t") type = Number(name.slice(1));
      if (name[0] === "c") share = Number(name.slice(1));
    }
    counts[type][share] += 1;
  }
  const numbers = boxes.map((box) => box.closest("li").querySelector("span"));
  const totals = counts.map((each) => each.reduce((sum, count) => sum + count, 0));

  function draw() {
    const least = slider ? Number(slider.value) : 0;
    const hidden = [];
    boxes.forEach((box, type) => {
      if (!box.checked) hidden.push(`.t${type}`);
      const shown = counts[type].slice(least).reduce((sum, count) => sum + count, 0);
      const text = shown === totals[type] ? `${shown}` : `${shown} of ${totals[type]}`;
      numbers[type].textContent = text;
    });
    for (let share = 0; share < least; share += 1) hidden.push(`.c${share}`);
    while (sheet.cssRules.length > kept) sheet.deleteRule(kept);
    if (hidden.length) {
      const spans = `main mark:is(${hidden.join(",")})`;
      sheet.insertRule(`${spans} { display: contents; }`, kept);
      sheet.insertRule(`${spans} b { display: none; }`, kept);
    }
    if (slider) {
      legend.querySelector("output").value = `${least} %`;
      slider.setAttribute("aria-valuetext", `${least} per cent`);
    }
  }

  legend.addEventListener("input", draw);
  draw(); // a page that is loaded anew keeps its boxes and its slider
})();
