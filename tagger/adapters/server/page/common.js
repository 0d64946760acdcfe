const byId = (id) => document.getElementById(id);
const make = (name, properties = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
};
const percent = (value) => {
  if (value === null || value === undefined) return "?";
  const hundred = 100 * value;
  if (hundred === 0 || hundred === 100) return `${hundred} %`;
  if (hundred > 99.9) return "> 99.9 %";
  if (hundred < 0.01) return "< 0.01 %";
  const digits = hundred < 0.1 ? 2 : hundred < 10 || hundred > 99 ? 1 : 0;
  return `${hundred.toFixed(digits)} %`;
};
const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
