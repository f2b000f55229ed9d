/** The process that follows the journal, as the service sees it: its start and its end. */
import { fileURLToPath } from "node:url";
import { codeOf } from "../base/errors.ts";
import { limitedProcess } from "../base/limited-process.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { FollowerMessage, FollowerNotice, FollowerRequest } from "./protocol.ts";

/** The runtime takes 80; the rest is for groups and messages of all readers. MiB */
const memoryMiB = 384;

const entry = fileURLToPath(new URL("./process.ts", import.meta.url));

/** A process that runs. */
export type FollowerProcess = {
  ask(request: FollowerRequest): void;
  kill(): void;
  /** Resolves with the name of a signal or an exit code. */
  ended: Promise<string>;
};

/**
 * Starts the process.
 * @throws the system's error when none can be started
 */
export function startFollower(
  { folder, epoch }: { folder: DataFolder; epoch: number },
  onNotice: (notice: FollowerNotice) => void,
): FollowerProcess {
  const { command, env } = limitedProcess({ entry, args: [], memoryMiB });
  const child = Bun.spawn(command, {
    env,
    // So that no configuration file in the working directory affects the runtime.
    cwd: "/",
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
    serialization: "advanced",
    // Both ends are this program, so the message is a notice.
    ipc: (notice: unknown) => onNotice(notice as FollowerNotice),
  });
  // A process that has ended hears nothing; `ended` tells. Its channel may be closed before its end is known.
  const send = (message: FollowerMessage) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    try {
      child.send(message);
    } catch (error) {
      if (codeOf(error) !== "ERR_IPC_CHANNEL_CLOSED") throw error;
    }
  };
  send({ kind: "birth", folder, epoch });
  return {
    ask: send,
    kill: () => child.kill("SIGKILL"),
    ended: child.exited.then(() => String(child.signalCode ?? child.exitCode)),
  };
}
