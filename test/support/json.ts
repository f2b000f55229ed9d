/** JSON compared by its digits: two texts are the same if nothing but white space and the order of keys differs. */

/** Every token of JSON; what is between tokens is white space. */
const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:]/g;

/**
 * `text` with its keys sorted, its strings spelt one way, its white space gone, and its numbers untouched.
 * Made from tokens, because JSON.parse would lose what is to be compared.
 */
export function canonicalJson(text: string): string {
  const tokens = text.match(token) ?? [];
  let at = 0;
  const next = () => {
    const here = tokens[at++];
    if (here === undefined) throw new Error(`JSON ends early: ${text}`);
    return here;
  };
  const value = (): string => {
    const first = next();
    if (first === "{") return object();
    if (first === "[") return list();
    return first.startsWith('"') ? JSON.stringify(JSON.parse(first)) : first;
  };
  const object = (): string => {
    const members: string[] = [];
    for (let here = next(); here !== "}"; here = next()) {
      if (here === ",") continue;
      next();
      members.push(`${JSON.stringify(JSON.parse(here))}:${value()}`);
    }
    return `{${members.sort().join(",")}}`;
  };
  const list = (): string => {
    const items: string[] = [];
    while (tokens[at] !== "]") {
      if (tokens[at] === ",") at++;
      else items.push(value());
    }
    at++;
    return `[${items.join(",")}]`;
  };
  const whole = value();
  if (at !== tokens.length) throw new Error(`more than one JSON value: ${text}`);
  return whole;
}
