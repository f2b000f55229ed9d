/**
 * The floor for compressed bodies: what `json-server.ts` does, after inflating. The body is given to the parser in one
 * piece and without a limit, which is the quickest that there is and nothing that a server should do.
 */
const utf8 = new TextDecoder();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    const body: unknown = JSON.parse(utf8.decode(Bun.gunzipSync(await request.arrayBuffer())));
    return Response.json({ success: body !== null, message: "Event tracked", timestamp: new Date().toISOString() });
  },
});

console.log(`listening on ${server.url.origin}`);
