/** The time range and the time zone, chosen once for all views. */
import { Cell } from "./cell.ts";
import { rememberedChoice } from "./remembered.ts";
import { type RangeName, rangeNames, type Span, spanOf } from "./span.ts";

const isRangeName = (value: string): value is RangeName => rangeNames.some((name) => name === value);

const isZone = (value: string): value is string => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
};

/** The time range of all views. */
export const rangeName: Cell<RangeName> = rememberedChoice("range", { first: "24h", isAllowed: isRangeName });

/** The zone of this computer. */
export const localZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The time zone of all views. */
export const zone: Cell<string> = rememberedChoice("zone", { first: localZone, isAllowed: isZone });

/** The range as instants: it moves when a bucket ends. */
export const span: Cell<Span> = new Cell(spanOf(rangeName.value, zone.value, Date.now()));

/** How often the range may move on: the shortest bucket is a minute. ms */
const lookMs = 5_000;

function moveOn(): void {
  const next = spanOf(rangeName.value, zone.value, Date.now());
  const now = span.value;
  const isSame = next.sinceMs === now.sinceMs && next.untilMs === now.untilMs && next.zone === now.zone;
  if (!isSame || next.range !== now.range) span.value = next;
}

rangeName.listen(moveOn);
zone.listen(moveOn);
setInterval(moveOn, lookMs);
