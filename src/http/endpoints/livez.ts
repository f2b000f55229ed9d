/** `GET /livez`: whether the process runs. */
import { Type } from "@sinclair/typebox";
import { json } from "../answers.ts";
import type { Documentation } from "../endpoint.ts";
import { answer } from "./documentation.ts";

/** 200 while the process runs, whatever the state of its disk and shards; also while it stops. */
export const livez = (): Response => json({ status: "alive" });

const livenessSchema = Type.Object({ status: Type.Literal("alive") }, { $id: "Liveness" });

/** Documentation of the endpoint. */
export const livezDocumentation: Documentation = {
  summary: "Get Liveness",
  description: "200 while the process runs, also while it is degraded or stopping. Reads nothing; needs no token.",
  operationId: "getLiveness",
  tag: "Operation",
  answers: { 200: answer("The process runs", livenessSchema) },
};
