/** What is seen until a first answer comes. */
import { holdUp } from "../service/ask.ts";
import { useCell } from "../state/cell.ts";

/** Says what is going on, and why it takes long if the service has no room for the question. */
export function Waiting({ what }: { what: string }) {
  const reason = useCell(holdUp);
  return (
    <p class="quiet waiting">
      {what}
      {reason !== undefined && ` ${reason}. The page tries again by itself.`}
    </p>
  );
}
