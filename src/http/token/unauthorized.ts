/** 401, with the header that says how to authenticate. */
import { Refusal } from "../answers.ts";

/** The refusal of a request without a credential that counts. */
export const unauthorized = (text: string) =>
  new Refusal(401, { reason: "unauthorized", text, headers: { "www-authenticate": "Bearer" } });
