/** Pieces of pictures: SVG by hand, because what is drawn here is a frame, lines and words. */

/**
 * Tell lines apart also for those who see few colours, and stand out on white and on black alike (three to one at
 * least).
 */
export const lineColours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8b6cf0", "#7d8590"] as const;

/** For words; half way between white and black. */
export const textColour = "#767b82";

/** The narrowest page on which it is read is a README's. */
export const widthPx = 760;

/** Of the letters; at most 7 pixels wide on average in all fonts that a browser falls back to. */
const fontPx = 12;
const letterPx = 6.8;

/** Dashes from the second turn through the colours on. */
const dashes = ["", "6 3", "2 3"];

/** Makes a string safe between tags and in quotes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

/** How wide a string is at most, roughly. */
export function widthOf(text: string): number {
  return text.length * letterPx;
}

/** A whole picture, with what it shows for those who cannot see it. */
export function picture(
  height: number,
  about: { title: string; description: string },
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 ${widthPx} ${round(height)}" width="${widthPx}" height="${round(height)}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="${fontPx}">`,
    `<title>${escaped(about.title)}</title><desc>${escaped(about.description)}</desc>`,
    words(about.title, { x: 0, y: 15, weight: "bold" }),
    ...parts,
    "</svg>",
  ].join("\n");
}

/** A string of text; `x` is where it starts, ends or has its middle. */
export function words(
  text: string,
  place: { x: number; y: number; anchor?: "start" | "middle" | "end"; weight?: "bold" },
): string {
  const weight = place.weight === undefined ? "" : ` font-weight="${place.weight}"`;
  return `<text x="${round(place.x)}" y="${round(place.y)}" text-anchor="${place.anchor ?? "start"}" fill="${textColour}"${weight}>${escaped(text)}</text>`;
}

/** A thin line of the frame. */
export function gridLine(from: { x: number; y: number }, to: { x: number; y: number }): string {
  return `<line class="grid" x1="${round(from.x)}" y1="${round(from.y)}" x2="${round(to.x)}" y2="${round(to.y)}" stroke="#888888" stroke-opacity="0.3"/>`;
}

/** A line through places in pixels. One place alone, or `hasMarks`, shows as dots. */
export function lineThrough(places: readonly (readonly [number, number])[], nth: number, hasMarks: boolean): string {
  const stroke = strokeOf(nth);
  const marks =
    hasMarks || places.length === 1
      ? places.map(([x, y]) => `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" fill="${colourOf(nth)}"/>`)
      : [];
  const path = `<polyline points="${places.map(([x, y]) => `${round(x)},${round(y)}`).join(" ")}" fill="none" ${stroke}/>`;
  return [path, ...marks].join("");
}

/** The names of lines in as many rows as they need, from `y` on down. */
export function legend(names: readonly string[], y: number): { parts: string[]; height: number } {
  const [swatch, gap, rowHeight] = [22, 16, 18];
  let [x, row] = [0, 0];
  const parts = names.map((name, nth) => {
    const width = swatch + widthOf(name) + gap;
    if (x > 0 && x + width - gap > widthPx) [x, row] = [0, row + 1];
    const middle = y + row * rowHeight;
    const part = `<line x1="${round(x)}" y1="${middle}" x2="${round(x + swatch - 6)}" y2="${middle}" ${strokeOf(nth)}/>${words(name, { x: x + swatch, y: middle + 4 })}`;
    x += width;
    return part;
  });
  return { parts, height: (row + 1) * rowHeight };
}

/** The colour of the nth line or bar. */
export function colourOf(nth: number): string {
  return lineColours[nth % lineColours.length] ?? lineColours[0];
}

/** Tenths of a pixel are what can be seen. */
export function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function strokeOf(nth: number): string {
  const dash = dashes[Math.floor(nth / lineColours.length) % dashes.length];
  return `stroke="${colourOf(nth)}" stroke-width="2" stroke-linejoin="round"${dash ? ` stroke-dasharray="${dash}"` : ""}`;
}
