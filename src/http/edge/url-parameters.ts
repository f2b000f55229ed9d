/**
 * The parameters of a URL, read strictly: nothing that a client means is ignored or changed in silence.
 */
import { Refusal } from "../answers.ts";
import { credentialInUrlText, isCredentialName } from "../token/url-credential.ts";

/**
 * Longest path with its query string. Proxies refuse longer ones: nginx and Apache take 8 KB by default, and RFC 9110
 * (4.1) asks for 8,000 at least. Characters.
 */
const targetCharsMax = 8_192;

/**
 * Reads the parameters of a request's URL, of which `names` are known; each may be there once. A `+` is a blank, as
 * forms write it.
 * @throws Refusal 400 for another name, a name that is there twice or an escape that is wrong; 414 for a longer URL
 */
export function urlParameters<Name extends string>(
  { url }: Request,
  names: readonly Name[],
): Readonly<Partial<Record<Name, string>>> {
  const target = url.replace(/^[a-z]+:\/\/[^/]*/i, "");
  if (target.length > targetCharsMax)
    throw new Refusal(414, {
      reason: "url_too_long",
      text: `The URL is longer than ${targetCharsMax} characters: send this with POST, in a body`,
    });
  const query = /\?(.*)$/s.exec(target)?.[1] ?? "";
  const given: Partial<Record<Name, string>> = {};
  for (const part of query.split("&")) {
    if (part === "") continue;
    const [name, value] = pairOf(part);
    const known = names.find((each) => each === name);
    if (known === undefined) throw unknown(name, names);
    if (given[known] !== undefined) throw refused(`The URL has the parameter ${known} more than once`);
    given[known] = value;
  }
  return given;
}

function pairOf(part: string): [string, string] {
  const end = part.includes("=") ? part.indexOf("=") : part.length;
  return [decoded(part.slice(0, end)), decoded(part.slice(end + 1))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw refused("The URL has an escape that is not UTF-8 in hex; a % itself is written %25");
  }
}

/** Longest unknown name that is repeated to the client. Characters. */
const nameCharsMax = 100;

const unknown = (name: string, names: readonly string[]) =>
  refused(
    isCredentialName(name)
      ? credentialInUrlText
      : `The URL has an unknown parameter ${JSON.stringify(name.slice(0, nameCharsMax))}; there are ${names.join(", ")}`,
  );

const refused = (text: string) => new Refusal(400, { reason: "url_invalid", text });
