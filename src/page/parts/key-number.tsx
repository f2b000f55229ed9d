/** A number that is read at a glance. */
import { share } from "./numbers.ts";

/**
 * One number over its name, which says the unit; `change` is its share more or less than before. It stands in a `dl` of
 * the class `numbers`.
 */
export function KeyNumber({ name, value, change }: { name: string; value: string; change?: number | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="number">
        {value}
        {change !== undefined && (
          <span class="change" title="against the stretch of the same length before">
            {change >= 0 ? "↑" : "↓"} {share(Math.abs(change))}
          </span>
        )}
      </dd>
    </div>
  );
}
