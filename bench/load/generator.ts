/**
 * The open-loop generator, a process of its own: reads its order from standard input, prints its report as one line of
 * JSON, and exits with 0. With no order that it understands, or a server that cannot be talked to, it says so and exits
 * with 1.
 */
import { Value } from "@sinclair/typebox/value";
import { orderSchema } from "./generator-protocol.ts";
import { OpenLoopRun } from "./open-loop-run.ts";

const order: unknown = await Bun.stdin.json();
if (!Value.Check(orderSchema, order)) throw new Error("not the order of an open-loop load");
const bodies = (await Bun.file(order.bodiesPath).text()).split("\n").filter((line) => line !== "");
if (bodies.length === 0) throw new Error(`no bodies in ${order.bodiesPath}`);
console.log(JSON.stringify(await new OpenLoopRun(order, bodies).run()));
process.exit(0);
