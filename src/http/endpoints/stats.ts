/** `GET /api/v1/analytics/stats`: how many events there are. */
import { statsAnswer, statsSchema } from "../../stats/answer.ts";
import { json } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Documentation } from "../endpoint.ts";
import { answer } from "./documentation.ts";

/** Counts by category and hour, with every acknowledged event among them; and alerts, if there are any. */
export const stats = ({ boards, clock, limits, alerts }: HttpContext): Response => {
  const told = alerts();
  const counted = statsAnswer(boards(), clock.nowMs(), limits);
  return json(told === undefined ? counted : { ...counted, alerts: told });
};

/** Documentation of the endpoint. */
export const statsDocumentation: Documentation = {
  summary: "Get Analytics Stats",
  operationId: "getStats",
  tag: "Analytics",
  answers: { 200: answer("Exact counts", statsSchema) },
};
