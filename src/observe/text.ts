/**
 * Peers' texts, made fit for a log or a span: short, of one line, without what a terminal obeys or
 * a reader cannot see, and without what looks like a key (SEC-22, SEC-29).
 */
import { capped } from '../accounting/usage.js';

const REDACTED = '[redacted]';

/** Keys as providers write them: OpenAI and its like, xAI, Hugging Face, GitHub, Groq, Google, AWS. */
const KEYS =
  /\b(?:sk|pk|rk)-[\w-]{6,}|\b(?:xai-|hf_|gh[a-z]_|gsk_)\w{16,}|\bAIza[\w-]{20,}|\bAKIA\w{12,}/;
/** A JSON Web Token (RFC 7519): what is signed begins with `{"`. */
const TOKENS = /\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]*/;
/** What stands behind the names that credentials go by; a blank may be one of a URL. */
const NAMED =
  /\b(bearer|basic)(?:\s|%20)+[\w.~+/=-]{6,}|\b((?:x-)?api[-_]?key|authorization|access[-_]?token|password|secret)(["']?\s*[=:]\s*["']?)(?!bearer|basic)[^\s"'&,;]+/;
const SECRETS = new RegExp([KEYS, TOKENS, NAMED].map(({ source }) => source).join('|'), 'gi');

/** C0, DEL and C1, line and paragraph separators, and marks that turn the direction of text. */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what they are looked for with
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** What every credential and every unseen character has in it; most texts have none of it. */
const SUSPECT = /k-|xai-|_|AIza|AKIA|eyJ|[^\w./-]/i;

/** The text without what looks like a credential. */
export function redacted(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text.replace(SECRETS, (_, scheme?: string, name?: string, between?: string) => {
    if (scheme !== undefined) return `${scheme} ${REDACTED}`;
    return name === undefined ? REDACTED : `${name}${between}${REDACTED}`;
  });
}

/** A text of a peer, at most 256 UTF-16 code units of it, fit to be shown. */
export function shown(text: string): string {
  return SUSPECT.test(text) ? redacted(capped(text)).replace(UNSEEN, escapeOf) : capped(text);
}

/** The line of a JSON document, with nothing in it that a terminal or a log viewer obeys. */
export function plainJson(line: string): string {
  return line.trimEnd().replace(UNSEEN, escapeOf);
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
