/**
 * The floor: the least that a JSON endpoint on Bun can do. It parses the body and answers a small object, as the
 * service does; it checks nothing, keeps nothing, and so cannot be beaten by a server that keeps everything.
 */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async (request) => {
    const body: unknown = await request.json();
    return Response.json({ success: body !== null, message: "Event tracked", timestamp: new Date().toISOString() });
  },
});

console.log(`listening on ${server.url.origin}`);
