/** A folder that several tests begin with: written once by a service, copied for each of them. */
import { afterAll, beforeAll } from "bun:test";
import { cpSync } from "node:fs";
import { Service, type ServiceOptions, startService } from "./service.ts";

/**
 * Has a service written to by `fill` before the tests of the file and stops it. Each call gives a service on a copy of
 * its folder, of the same options and with what is added to their environment. The caller starts it with `restart`.
 */
export function copiesOf(
  options: Omit<ServiceOptions, "dataDir">,
  fill: (service: Service) => Promise<void>,
): (env?: ServiceOptions["env"]) => Service {
  let template: Service | undefined;
  beforeAll(async () => {
    template = await startService(options);
    await fill(template);
    await template.stop();
  });
  afterAll(async () => template?.[Symbol.asyncDispose]());
  return (env) => {
    if (template === undefined) throw new Error("the folder was not written");
    const copy = new Service({ ...options, env: { ...options.env, ...env } });
    cpSync(template.dataDir, copy.dataDir, { recursive: true });
    return copy;
  };
}
