// The colour of a type, which follows from its name alone: HUES and SALT are those of text/formats/hues.py.
const crc32 = (bytes, start) => {
  let sum = ~start;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
};
const findHue = (type) => HUES[crc32(new TextEncoder().encode(type), SALT) % HUES.length];

// Those hues are of HSL. Ours are of OKLCH, where colours of one lightness look equally light, so that names on all of
// them are read equally well (https://bottosson.github.io/posts/oklab/).
const convertHue = (hue) => {
  const linear = [0, 8, 4].map((offset) => {
    const place = (offset + hue / 30) % 12;
    const channel = 0.6 - 0.3 * Math.max(-1, Math.min(place - 3, 9 - place, 1));
    return ((channel + 0.055) / 1.055) ** 2.4;
  });
  const mix = (...weights) => weights.reduce((sum, weight, index) => sum + weight * linear[index], 0);
  const long = Math.cbrt(mix(0.4122214708, 0.5363325363, 0.0514459929));
  const middle = Math.cbrt(mix(0.2119034982, 0.6806995451, 0.1073969566));
  const short = Math.cbrt(mix(0.0883024619, 0.2817188376, 0.6299787005));
  const a = 1.9779984951 * long - 2.428592205 * middle + 0.4505937099 * short;
  const b = 0.0259040371 * long + 0.7827717662 * middle - 0.808675766 * short;
  return (Math.atan2(b, a) * 180) / Math.PI;
};

const paint = (element, type) => {
  element.style.setProperty("--hue", convertHue(findHue(type)).toFixed(1));
  return element;
};
