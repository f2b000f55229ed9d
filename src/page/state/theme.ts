/** Light or dark: as the system has it, or as a person chose. */
import type { Cell } from "./cell.ts";
import { rememberedChoice } from "./remembered.ts";

const themes = ["system", "light", "dark"] as const;

/** A choice of colours. */
type Theme = (typeof themes)[number];

/** The chosen colours. */
export const theme: Cell<Theme> = rememberedChoice("theme", {
  first: "system",
  isAllowed: (value): value is Theme => themes.some((name) => name === value),
});

function show(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

theme.listen(show);
show();

/** The choice after this one, for one button that goes through all of them. */
export const themeAfter = (now: Theme): Theme => themes[(themes.indexOf(now) + 1) % themes.length] ?? "system";
