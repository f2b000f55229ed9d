/** What is compared with the service: another way to take the same events, started and ended by the suite. */
import { fileURLToPath } from "node:url";
import type { WaitsFor } from "../core/result.ts";
import { type Form, pathOf } from "../load/requests.ts";
import { type LoadResult, runWrk } from "../load/wrk.ts";
import type { Program } from "./packages.ts";
import { signToken } from "./token.ts";

/** One load on a peer. */
export type PeerLoad = {
  form: Form;
  /** Requests that wait for their answers at any time. */
  connections: number;
  seconds: number;
  /** Bodies of the service's own endpoint, one a line; a peer that speaks otherwise translates them. */
  bodiesPath: string;
  /** As in `Load`. */
  runTag: string;
};

/** Where a peer may live, and for how long. */
export type PeerStart = {
  /** A folder of its own, which is removed after it. */
  folder: string;
  signal: AbortSignal;
  wrkPath: string;
  /** What the probe of its program printed; empty without one. */
  probed: string;
};

/** A peer that takes events. Leaving its scope ends all of its processes. */
export interface RunningPeer extends AsyncDisposable {
  /** Of everything that it is made of. */
  readonly version: string;
  /** Puts a load on it. */
  load(load: PeerLoad): Promise<LoadResult>;
  /** Counts what it stored. Events. Nothing is sent to it afterwards. */
  count(options: { eventsPerRequest: number }): Promise<number>;
}

/** One way to take events. */
export type Peer = {
  name: string;
  waitsFor: WaitsFor;
  /** In one sentence: how it was set for durability, and what is not the same as in the service. */
  about: string;
  /** What Debian has to bring; undefined where npm's packages are all. */
  program: Program | undefined;
  /** Why it cannot be had here although its program can; undefined if it can. Default: it can. */
  missing?: () => string | undefined;
  /** @throws Error it does not come up */
  start(options: PeerStart): Promise<RunningPeer>;
};

/** Loads a peer that has the service's endpoints and checks the same kind of token. */
export function loadEndpoints(url: string, { wrkPath, signal }: PeerStart): (load: PeerLoad) => Promise<LoadResult> {
  const token = signToken(Date.now());
  return ({ form, ...load }) => runWrk(wrkPath, { ...load, token, url: url + pathOf({ form }) }, signal);
}

/**
 * A command that the kernel ends together with this process, also where that is killed and cannot end it.
 * @param user whose processes they become; only root may name one
 */
export function boundToUs(command: readonly string[], user?: string): string[] {
  const as = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, "--init-groups"];
  return ["setpriv", ...as, "--pdeathsig=TERM", "--", ...command];
}

/** The version of an installed npm package. */
export async function npmVersion(name: string): Promise<string> {
  const path = fileURLToPath(import.meta.resolve(`${name}/package.json`));
  const told: unknown = await Bun.file(path).json();
  const version = typeof told === "object" && told !== null && "version" in told ? told.version : undefined;
  return `${name} ${typeof version === "string" ? version : "of no version"}`;
}
