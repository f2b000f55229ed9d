/** GET /api/v1/analytics/health: what a load balancer asks. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { healthAnswer, shaped } from "../support/answers.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

test("health becomes ok, and until then says that it is starting", async () => {
  await until(
    async () => {
      const response = await service().health();
      const { status } = shaped(healthAnswer, await response.json());
      if (response.status !== 200) expect({ code: response.status, status }).toEqual({ code: 503, status: "starting" });
      return response.status === 200 && status === "ok";
    },
    { what: "health to be ok", limitMs: 10_000 },
  );
});

test("health needs no token and minds no bad one", async () => {
  for (const token of [null, "nonsense", service().token({ scope: "query" })]) {
    const response = await service().request(paths.health, { token });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toStartWith("application/json");
  }
});

test("health tells no path of the machine and no secret", async () => {
  const text = await (await service().health()).text();
  expect(text).not.toContain(service().dataDir);
  expect(text).not.toContain(service().secret);
});

test("livez is 200 while the process runs, needs no token, and answers HEAD", async () => {
  for (const method of ["GET", "HEAD"]) {
    const response = await service().request("/livez", { token: null, method });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(method === "GET" ? '{"status":"alive"}' : "");
  }
  expect((await service().request("/livez", { method: "POST", body: "{}" })).status).toBe(405);
  const document = await (await service().request("/openapi/json")).json();
  expect(document).toHaveProperty(["paths", "/livez", "get", "responses", "200"]);
});
