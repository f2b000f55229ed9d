/** Opens the edge of a service and connects its endpoints to the parts. */
import { systemClock } from "../base/clock.ts";
import { toldOf } from "../http/connections/bound.ts";
import { AuditLog } from "../http/edge/audit-log.ts";
import { Cors } from "../http/edge/cors.ts";
import { RateLimit } from "../http/edge/rate-limit.ts";
import { Front } from "../http/listen/front.ts";
import { Authenticator } from "../http/token/auth.ts";
import { hs256Of } from "../http/token/hs256.ts";
import type { Parts } from "./parts.ts";
import { healthOf, metricsOf } from "./views.ts";

/**
 * Starts listening, and logs it.
 * @throws AddressRefused when the address cannot be taken
 */
export async function openFront(parts: Parts): Promise<Front> {
  const { config, log, doors, gate, boards, dispatcher, bound } = parts;
  const previous = config.hs256 === "off" ? undefined : config.jwtSecretPrevious;
  const auth = new Authenticator({
    hs256: [parts.secret.secret, ...(previous === undefined ? [] : [previous])].map(hs256Of),
    keySet: doors.keySet,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    revoked: doors.revoked,
    writeKeys: doors.writeKeys,
    clock: systemClock,
  });
  const front = await Front.open(
    {
      auth,
      cors: corsOf(parts),
      rates: new RateLimit({ eventsPerSecond: config.rateLimit, clock: systemClock }),
      clock: systemClock,
      log,
      refusals: parts.refusals,
      audit: new AuditLog(log, systemClock),
      limits: config,
      receipt: parts.receipt,
      isAccepting: () => gate.isAccepting,
      isDiskLow: () => gate.isDiskLow,
      requireRoom: () => dispatcher.requireRoom(),
      submit: (request) => dispatcher.submit(request),
      submitEach: (request) => parts.eachSender.submitEach(request),
      boards: () => boards.map((board) => board.read()),
      queries: parts.queries,
      tail: parts.tail,
      metricsAccess: config.metrics,
      adapters: parts.adapters,
      health: () => healthOf(parts),
      metrics: () => metricsOf(parts),
      alerts: () => parts.life.alerts?.shown(),
      upkeep: () => parts.life.upkeep,
    },
    { host: config.host, port: config.port, bound },
  );
  const told = { address: front.address, shards: config.shards, folder: parts.folder.root };
  log.info({ ...told, ...toldOf(bound) }, "started");
  return front;
}

/** Undefined where no page of another origin may ever send or read anything. */
function corsOf({ config, doors }: Parts): Cors | undefined {
  const { corsOrigins: origins, writeKeysPath } = config;
  if (origins.length === 0 && writeKeysPath === undefined) return undefined;
  return new Cors({ origins, isAllowedNow: (origin) => doors.writeKeys().origins.has(origin) });
}
