/** Programs that scenarios start, which are in Debian and not everywhere. */

/** Why a scenario cannot run without a program; undefined: it is there. */
export const toolMissing = (program: string): string | undefined =>
  Bun.which(program) === null ? `${program} is not installed` : undefined;
