/** Closes the parts of a service. */
import { messageOf } from "../base/errors.ts";
import { type LogLevel, openLog } from "../base/log.ts";
import { within } from "../base/within.ts";

/** Parts that have not ended within this time end with the process. ms */
const closeMsMax = 5_000;

/**
 * Closes everything in a scope, the latest first. A failure is only logged: the caller reports why the service ends.
 */
export async function closeScope(scope: AsyncDisposableStack, logLevel: LogLevel): Promise<void> {
  const log = openLog(logLevel, "service");
  try {
    const isClosed = await within(
      scope.disposeAsync().then(() => true),
      closeMsMax,
    );
    if (isClosed !== true) log.error("parts of the service have not ended in time; they end with the process");
  } catch (error) {
    log.error({ error: messageOf(error) }, "a part of the service did not end well");
  }
}
