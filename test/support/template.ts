/** A folder that several tests begin with: written once by a service, copied for each of them. */
import { afterAll, beforeAll } from "bun:test";
import { cpSync } from "node:fs";
import { Service, type ServiceOptions, startService } from "./service.ts";

/**
 * Has a service written to by `fill` before the tests of the file and stops it. Each call gives a service of the same
 * options on a copy of its folder, which the caller starts with `restart`.
 */
export function copiesOf(
  options: Omit<ServiceOptions, "dataDir">,
  fill: (service: Service) => Promise<void>,
): () => Service {
  let template: Service | undefined;
  beforeAll(async () => {
    template = await startService(options);
    await fill(template);
    await template.stop();
  });
  afterAll(async () => template?.[Symbol.asyncDispose]());
  return () => {
    if (template === undefined) throw new Error("the folder was not written");
    const copy = new Service(options);
    cpSync(template.dataDir, copy.dataDir, { recursive: true });
    return copy;
  };
}
