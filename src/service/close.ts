/** The end of what a service is made of. */
import { messageOf } from "../base/errors.ts";
import { type LogLevel, openLog } from "../base/log.ts";
import { within } from "../base/within.ts";

/** What has not ended by then ends with the process. ms */
const closeMsMax = 5_000;

/**
 * Ends all that is in a scope, the latest first; a failure is logged, because the reason for the end is what its caller
 * tells.
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
