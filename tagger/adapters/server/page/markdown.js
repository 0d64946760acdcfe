// The card: a little of Markdown. Whatever else stands there is text; HTML is shown as it is written.

const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|!?\[([^\]]*)\]\(([^()\s]+)\)|<(https?:\/\/[^<>\s]+)>/;
const inline = (text) => {
  const parts = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    if (match.index) parts.push(rest.slice(0, match.index));
    const [whole, , code, strong, soft, label, target, bare] = match;
    const address = target || bare;
    if (code !== undefined) parts.push(make("code", { textContent: code.trim() || code }));
    else if (strong !== undefined) parts.push(make("strong", {}, ...inline(strong)));
    else if (soft !== undefined) parts.push(make("em", {}, ...inline(soft)));
    else if (/^https?:\/\//i.test(address)) parts.push(make("a", { href: address, rel: "noopener noreferrer", target: "_blank", textContent: label || address }));
    else parts.push(`${label} (${address})`);
    rest = rest.slice(match.index + whole.length);
  }
  if (rest) parts.push(rest);
  return parts;
};
const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
const isRule = (line) => line !== undefined && /-/.test(line) && /^\s*\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?)?\s*$/.test(line);

const markdown = (text) => {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks = [];
  let at = 0;
  const starts = (line) => /^(#{1,6}\s|```|~~~|\s*([-*+]|\d+[.)])\s|\s*\|)/.test(line) || !line.trim();
  while (at < lines.length) {
    const line = lines[at];
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    const fence = /^(```|~~~)/.exec(line);
    const item = /^\s*([-*+]|\d+[.)])\s+/;
    if (!line.trim()) at += 1;
    else if (heading) {
      blocks.push(make(`h${Math.min(heading[1].length + 2, 6)}`, {}, ...inline(heading[2])));
      at += 1;
    } else if (fence) {
      const held = [];
      for (at += 1; at < lines.length && !lines[at].startsWith(fence[1]); at += 1) held.push(lines[at]);
      at += 1;
      blocks.push(make("pre", {}, make("code", { textContent: held.join("\n") })));
    } else if (line.includes("|") && isRule(lines[at + 1])) {
      const head = cells(line);
      const sides = cells(lines[at + 1]).map((rule) => (/-:$/.test(rule) ? "end" : "start"));
      const row = (name, values) => make("tr", {}, ...head.map((_, column) => {
        const cell = make(name, {}, ...inline(values[column] || ""));
        cell.style.textAlign = sides[column] || "start";
        return cell;
      }));
      const body = [];
      for (at += 2; at < lines.length && lines[at].includes("|"); at += 1) body.push(row("td", cells(lines[at])));
      blocks.push(make("div", { className: "wide" }, make("table", {}, make("thead", {}, row("th", head)), make("tbody", {}, ...body))));
    } else if (item.test(line)) {
      const list = make(/^\s*\d/.test(line) ? "ol" : "ul");
      while (at < lines.length && item.test(lines[at])) {
        let words = lines[at].replace(item, "");
        for (at += 1; at < lines.length && /^\s+\S/.test(lines[at]) && !item.test(lines[at]); at += 1) words += ` ${lines[at].trim()}`;
        list.append(make("li", {}, ...inline(words)));
      }
      blocks.push(list);
    } else {
      let words = line.trim();
      for (at += 1; at < lines.length && !starts(lines[at]); at += 1) words += ` ${lines[at].trim()}`;
      blocks.push(make("p", {}, ...inline(words)));
    }
  }
  return blocks;
};
