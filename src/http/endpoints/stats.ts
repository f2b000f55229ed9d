/** `GET /api/v1/analytics/stats`: how many events there are. */
import { statsAnswer, statsSchema } from "../../stats/answer.ts";
import { json } from "../answers.ts";
import type { AcceptContext } from "../context.ts";
import type { Documentation } from "../endpoint.ts";
import { answer } from "./documentation.ts";

/** Counts by category and hour, with every acknowledged event among them. */
export const stats = ({ boards, clock, limits }: AcceptContext): Response =>
  json(statsAnswer(boards(), clock.nowMs(), limits));

/** Documentation of the endpoint. */
export const statsDocumentation: Documentation = {
  summary: "Get Analytics Stats",
  operationId: "getStats",
  tag: "Analytics",
  answers: { 200: answer("Exact counts", statsSchema) },
};
