/** A number that is read at a glance. */

/** One number over its name, which says the unit. It stands in a `dl` of the class `numbers`. */
export function KeyNumber({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="number">{value}</dd>
    </div>
  );
}
