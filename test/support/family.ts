/** A service started by one of the README's commands, and every process between it and whoever started it. */
import { readdirSync } from "node:fs";
import { childrenOf, cleanEnv, readProc, repoRoot } from "./process.ts";
import { paths } from "./service.ts";
import { nowSeconds, signToken } from "./tokens.ts";
import { until } from "./until.ts";

/** Who is who among them; `npm` and `shell` exist under npx alone. */
export type Member = "npm" | "shell" | "runner" | "service" | "keeper";

const members: readonly [Member, RegExp][] = [
  ["keeper", /--no-orphans \S*keeper\/actor/],
  ["service", /millrace\.ts serve/],
  ["runner", /^\S*bun\S* run start/],
  ["shell", /^\S*sh -c .*bun.* run start/],
  ["npm", /^npm exec|\bnpx\b/],
];

const secret = "a secret of the tests, 32 bytes at least";

/** A start and a stop on a loaded machine; ms. */
const stepMsMax = 40_000;

/** How a family is started. */
export interface FamilyOptions {
  readonly command: readonly string[];
  readonly dataDir: string;
  /** On a terminal of its own, whose foreground group it is; without, in a session of its own and on pipes. */
  readonly onTerminal: boolean;
  /** Without a secret of the environment, as at a newcomer's first start. */
  readonly makesSecret?: boolean;
  /** Variables beside those of every start. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The processes of one run; all are killed at the end of its scope. */
export class Family implements AsyncDisposable {
  readonly #dataDir: string;
  readonly child: Bun.Subprocess;
  /** The service's own, which do not have its environment. */
  readonly #children = new Set<number>();
  /** What they all printed. */
  text = "";

  constructor({ command, dataDir, onTerminal, makesSecret = false, env: added = {} }: FamilyOptions) {
    this.#dataDir = dataDir;
    const env = cleanEnv({
      PORT: "0",
      MILLRACE_DATA_DIR: dataDir,
      MILLRACE_JWT_SECRET: makesSecret ? undefined : secret,
      // An hour: nothing is sealed before a stop does it.
      MILLRACE_FLUSH_INTERVAL_SECONDS: "3600",
      MILLRACE_SHARDS: "1",
      ...added,
    });
    const decoder = new TextDecoder();
    const heard = (bytes: Uint8Array) => {
      this.text += decoder.decode(bytes, { stream: true });
    };
    if (onTerminal) {
      this.child = Bun.spawn([...command], { cwd: repoRoot, env, terminal: { data: (_, bytes) => heard(bytes) } });
      return;
    }
    const child = Bun.spawn(["setsid", ...command], {
      cwd: repoRoot,
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    for (const stream of [child.stdout, child.stderr]) listen(stream, heard);
    this.child = child;
  }

  /** Waits until the service listens. */
  async listening(): Promise<string> {
    return await until(() => /listening on (http:\/\/[\d.:]+)/.exec(this.text)?.[1], {
      what: "the line `listening on`",
      limitMs: stepMsMax,
      state: () => this.text,
    });
  }

  /** Has the service accept one event. */
  async accept(): Promise<void> {
    const token = signToken({ claims: { sub: "tester", exp: nowSeconds() + 3_600 }, secret });
    const answer = await fetch((await this.listening()) + paths.track, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: '{"event_name":"accepted"}',
    });
    if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${await answer.text()}`);
  }

  /** Every living process that was started for this folder, by its process id. */
  living(): { pid: number; command: string }[] {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => this.#isOurs(Number(pid)))
      .map((pid) => ({ pid: Number(pid), command: readProc(`${pid}/cmdline`).replaceAll("\0", " ") }));
  }

  #isOurs(pid: number): boolean {
    if (readProc(`${pid}/environ`).split("\0").includes(`MILLRACE_DATA_DIR=${this.#dataDir}`)) {
      for (const child of childrenOf(pid)) this.#children.add(child);
      return true;
    }
    return this.#children.has(pid) && /keeper|shard|query|upkeep/.test(readProc(`${pid}/cmdline`));
  }

  /** The process id of a member. @throws Error if it does not live */
  pidOf(member: Member): number {
    const found = this.living().find(({ command }) => members.find(([, form]) => form.test(command))?.[0] === member);
    if (found === undefined) throw new Error(`no ${member} among ${JSON.stringify(this.living())}`);
    return found.pid;
  }

  /** Waits until none of them is left. */
  async gone(): Promise<void> {
    await until(() => this.living().length === 0, {
      what: "the end of every process",
      limitMs: stepMsMax,
      everyMs: 50,
      state: () => `${JSON.stringify(this.living())}\n${this.text}`,
    });
    await this.child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of this.living()) process.kill(pid, "SIGKILL");
    await this.child.exited;
    this.child.terminal?.close();
  }
}

async function listen(stream: ReadableStream<Uint8Array>, heard: (bytes: Uint8Array) => void): Promise<void> {
  for await (const bytes of stream) heard(bytes);
}
