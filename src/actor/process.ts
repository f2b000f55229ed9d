/** A process that runs an actor: its start, its end, and both ends of the channel between them. */
import { fileURLToPath } from "node:url";
import { withKeptDescriptor } from "../base/descriptors.ts";
import { invariant } from "../base/invariant.ts";
import { type Handlers, handle } from "./serve.ts";
import { answerOn, type Port } from "./wire.ts";

/** The first message to a process: its options. */
type Birth = { kind: "birth"; options: unknown };

/** A notice from a process, which is not a reply. */
type Telling = { kind: "telling"; notice: unknown };

/** A process that runs, as a port to it. */
export type ActorProcess = Port & {
  pid: number;
  /** Resolves with the name of a signal or an exit code. */
  ended: Promise<string>;
  /** Kills it, and waits until it has ended. */
  kill(): Promise<void>;
};

/**
 * Signals to the whole group (Ctrl-C) reach the process too, but the service needs it to seal. So it ignores them from
 * its first instruction on, before it could install a handler.
 */
const deaf = `trap '' INT TERM HUP && exec "$@"`;

/** The environment variables that are passed on, to find the same programs and libraries. The rest may hold keys. */
const environmentNames = ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD"];

/** What to start: an actor's entry, its options, and variables of its environment beside those that are passed on. */
type Start = {
  entry: URL;
  options: unknown;
  environment: Readonly<Record<string, string>>;
  onNotice: (notice: unknown) => void;
};

/**
 * Starts a process that runs an actor's entry. It ends when this process ends.
 * @throws the system's error when no process, descriptor or memory is available
 */
export function spawnActor(given: Start): ActorProcess {
  let listener: ((message: unknown) => void) | undefined;
  const command = [process.execPath, "--no-orphans", fileURLToPath(given.entry)];
  const spawn = () =>
    Bun.spawn(["/bin/sh", "-c", deaf, "actor", ...command], {
      env: { ...Object.fromEntries(environmentNames.map((name) => [name, process.env[name]])), ...given.environment },
      // So that no configuration file in the working directory affects the runtime.
      cwd: "/",
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
      serialization: "advanced",
      ipc: (message: unknown) => {
        if (isTelling(message)) given.onNotice(message.notice);
        else listener?.(message);
      },
    });
  const child = withKeptDescriptor(spawn);
  child.send({ kind: "birth", options: given.options } satisfies Birth);
  return {
    pid: child.pid,
    ended: child.exited.then(() => String(child.signalCode ?? child.exitCode)),
    kill: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
    postMessage: (message) => child.send(message),
    on: (_event, heard) => {
      listener = heard;
    },
    close: () => child.disconnect(),
  };
}

/** The process's side: makes its handlers from its options, and answers requests until the service ends. */
export function serveProcess<Request extends { kind: string }, Replies extends Record<Request["kind"], unknown>>(
  open: (options: unknown) => Handlers<Request, Replies>,
): void {
  process.on("disconnect", () => process.exit(0));
  process.once("message", (birth: Birth) => {
    const handlers = open(birth.options);
    // Both ends are this program, so the message is a request of this actor.
    answerOn(channel, (message) => handle(handlers, message as Request));
  });
}

/** Sends the service a notice. */
export function tellService(notice: object): void {
  channel.postMessage({ kind: "telling", notice } satisfies Telling, []);
}

const channel: Port = {
  postMessage: (message) => {
    invariant(process.send !== undefined, "an actor's process was started by its host");
    process.send(message);
  },
  on: (_event, heard) => process.on("message", heard),
  close: () => process.disconnect?.(),
};

const isTelling = (message: unknown): message is Telling =>
  typeof message === "object" && message !== null && "kind" in message && message.kind === "telling";
