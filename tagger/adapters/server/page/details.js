// What a span is, and what else it could be.

const spanOf = (mark) => {
  const place = elements.indexOf(mark.closest(".sentence"));
  return place < 0 ? null : sentences[place].spans[Number(mark.dataset.index)];
};

let leaving = null;
const hideDetails = () => {
  clearTimeout(leaving);
  if (details.ownerMark) {
    details.ownerMark.classList.remove("open");
    details.ownerMark.removeAttribute("aria-describedby");
  }
  details.ownerMark = null;
  details.hidden = true;
};

const bar = (name, text, type, chance) => {
  const what = make("span", { className: "what" }, name);
  if (text) what.append(" ", make("bdi", { textContent: text }));
  const meter = make("span", { className: "meter" }, make("i"));
  meter.style.setProperty("--chance", String(chance));
  const row = make("li", { className: type === null ? "none" : "" }, what, make("span", { className: "much", textContent: percent(chance) }), meter);
  return type !== null && showsType(type) ? paint(row, type) : row;
};

const showDetails = (mark) => {
  clearTimeout(leaving);
  if (details.ownerMark === mark) return;
  hideDetails();
  const span = spanOf(mark);
  if (!span) return;
  const named = (type) => (showsType(type) ? type : cutsWords() ? "word" : type);
  const parts = [
    make("h2", { dir: "auto", textContent: mark.textContent }),
    make("ol", {}, bar(named(span.type), "", span.type, span.confidence)),
  ];
  const rivals = span.rivals || [];
  if (rivals.length) {
    parts.push(make("h3", { textContent: "What else it might be" }));
    parts.push(make("ol", {}, ...rivals.map((rival) => {
      const isElsewhere = rival.start !== span.start || rival.end !== span.end;
      const nothing = cutsWords() ? "no word" : "no span here";
      return bar(rival.type === null ? nothing : named(rival.type), isElsewhere ? rival.text : "", rival.type, rival.confidence);
    })));
  } else {
    parts.push(make("p", { textContent: "Nothing else has a probability of 0.01 % or more." }));
  }
  details.replaceChildren(...parts);
  details.ownerMark = mark;
  details.hidden = false;
  mark.classList.add("open");
  mark.setAttribute("aria-describedby", "details");
  place(mark);
};

const place = (mark) => {
  details.style.left = details.style.top = "";
  if (getComputedStyle(details).position === "fixed") return;
  const lines = mark.getClientRects();
  const line = lines[0];
  const last = lines[lines.length - 1];
  const { offsetWidth: width, offsetHeight: height } = details;
  const left = Math.max(12, Math.min(last.left, document.documentElement.clientWidth - width - 12));
  const below = last.bottom + height + 12 < innerHeight || line.top < height + 12;
  details.style.left = `${left + scrollX}px`;
  details.style.top = `${(below ? last.bottom + 6 : line.top - height - 6) + scrollY}px`;
};

const moveTo = (index) => {
  const mark = spans[index];
  for (const each of spans) if (each.tabIndex === 0) each.tabIndex = -1;
  mark.tabIndex = 0;
  mark.focus();
};
const markOf = (event) => {
  const mark = event.target.closest && event.target.closest(".span[data-index]");
  return mark && !mark.classList.contains("off") ? mark : null;
};
const leave = () => {
  clearTimeout(leaving);
  leaving = setTimeout(() => {
    const held = document.activeElement && document.activeElement.closest("#drawn .span");
    if (held && spans.includes(held) && held.matches(":focus-visible")) showDetails(held);
    else hideDetails();
  }, 200);
};
drawn.addEventListener("pointerover", (event) => {
  if (event.pointerType === "touch") return;
  const mark = markOf(event);
  if (mark) showDetails(mark);
});
drawn.addEventListener("pointerout", (event) => {
  if (event.pointerType !== "touch" && markOf(event)) leave();
});
details.addEventListener("pointerenter", () => clearTimeout(leaving));
details.addEventListener("pointerleave", (event) => {
  if (event.pointerType !== "touch") leave();
});
drawn.addEventListener("focusin", (event) => {
  const mark = markOf(event);
  if (mark) showDetails(mark);
});
drawn.addEventListener("focusout", leave);
drawn.addEventListener("click", (event) => {
  const mark = markOf(event);
  if (mark) {
    moveTo(spans.indexOf(mark));
    showDetails(mark);
  }
});
drawn.addEventListener("keydown", (event) => {
  const here = spans.indexOf(event.target);
  if (here < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
  const isReversed = getComputedStyle(event.target.closest("p")).direction === "rtl";
  const steps = { ArrowRight: isReversed ? -1 : 1, ArrowLeft: isReversed ? 1 : -1, ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  if (event.key in steps) {
    event.preventDefault();
    moveTo(Math.max(0, Math.min(spans.length - 1, here + steps[event.key])));
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (details.hidden) showDetails(event.target);
    else hideDetails();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideDetails();
});
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest("#details, .span")) hideDetails();
});
addEventListener("resize", () => {
  if (details.ownerMark) place(details.ownerMark);
});
