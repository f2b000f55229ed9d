/** How long `GET /stats` takes, on several services in turn. */
import type { Service } from "./service.ts";

/**
 * Asks each service for its stats this many times, request by request in turn, each on a connection of its own that is
 * kept. Returns the milliseconds of each service, rising. Who is asked first changes from request to request.
 */
export async function timeStats(services: readonly Service[], { requests }: { requests: number }): Promise<number[][]> {
  const sides = services.map((service): { service: Service; ms: number[] } => ({ service, ms: [] }));
  for (let request = 0; request < requests; request += 1) {
    for (const { service, ms } of request % 2 === 0 ? sides : sides.toReversed()) {
      const startMs = performance.now();
      await service.stats();
      ms.push(performance.now() - startMs);
    }
  }
  return sides.map(({ ms }) => ms.sort((a, b) => a - b));
}
