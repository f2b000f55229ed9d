/** What every file of a page that a browser shows is answered with. */
import { privateHeaders } from "../answers.ts";

/** A file's type, its entity tag in quotes, and where styles may come from besides the files of the page. */
type PageFileHeaders = { type: string; entityTag: string; moreStyles?: "'unsafe-inline'" };

/** Headers of a page's file: nothing of another host is loaded, no inline script runs, and no frame shows it. */
export const pageHeaders = ({ type, entityTag, moreStyles }: PageFileHeaders) => ({
  ...privateHeaders,
  "content-type": `${type}; charset=utf-8`,
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self'${moreStyles === undefined ? "" : ` ${moreStyles}`}`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  etag: entityTag,
  // The browser revalidates each time, and nearly always gets 304.
  "cache-control": "no-cache",
});
