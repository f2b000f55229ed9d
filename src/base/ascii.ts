/** Bytes that JSON and times are made of, by name. */

/** Line feed: the end of a journal line. */
export const lineEnd = 0x0a;
/** A space; smaller bytes are controls. */
export const space = 0x20;
/** `"` */
export const quote = 0x22;
/** `+` */
export const plus = 0x2b;
/** `,` */
export const comma = 0x2c;
/** `-` */
export const minus = 0x2d;
/** `.` */
export const dot = 0x2e;
/** `0`; the other digits follow. */
export const digit0 = 0x30;
/** `9` */
export const digit9 = 0x39;
/** `:` */
export const colon = 0x3a;
/** `Z` */
export const letterZ = 0x5a;
/** `[` */
export const openList = 0x5b;
/** `\` */
export const backslash = 0x5c;
/** `]` */
export const closeList = 0x5d;
/** `e`, which begins an exponent. */
export const letterE = 0x65;
/** `n`, which begins null. */
export const letterN = 0x6e;
/** `{` */
export const openObject = 0x7b;
/** `}` */
export const closeObject = 0x7d;
