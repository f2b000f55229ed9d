/** What the endpoints of the scope `admin` share. */
import { Overloaded } from "../../base/errors.ts";
import type { Upkeep } from "../../upkeep/upkeep.ts";
import type { HttpContext } from "../context.ts";

/**
 * The service's upkeep.
 * @throws Overloaded while the service starts
 */
export function upkeepOf(context: HttpContext): Upkeep {
  const upkeep = context.upkeep();
  if (upkeep === undefined) throw new Overloaded("stopping");
  return upkeep;
}
