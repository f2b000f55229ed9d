import { expect, test } from "bun:test";
import { startVariables, variablesOf } from "../../bench/system/start-command.ts";

test("the service that is measured gets the variables of the start command", () => {
  expect(startVariables).toEqual({ BUN_JSC_numberOfGCMarkers: "1" });
});

test("a variable without a default is the caller's alone", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's words
  expect(variablesOf("x && export A=${A:-2} && export B=$B && C=3 exec y")).toEqual({ A: "2" });
});
