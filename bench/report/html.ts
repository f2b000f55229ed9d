/** A run as one page that needs nothing else: no script, and no font or picture of another host. */
import { readFileSync } from "node:fs";
import type { Plot, Run, ScenarioResult } from "../core/result.ts";
import type { Compared } from "./compare.ts";
import { escaped } from "./drawing.ts";
import { plotRows } from "./plot-table.ts";
import { comparisonNotes, comparisonRows, figureRows, goalRows, type Row, recordLines, warningLines } from "./rows.ts";
import { plotSvg } from "./svg.ts";
import { isNumberColumn } from "./text.ts";

const style = readFileSync(new URL("./page.css", import.meta.url), "utf8");

/** What has to be known before the first figure. */
const method = [
  "All sides of a scenario run on this one machine, the load generator too, in rounds: in each round every side once, and the side that starts changes. A share is taken within a round.",
  "A figure is the median of its rounds; beside it stand the lowest and the highest round. Whoever loads the service counts afterwards what is in its files: with an acknowledged event missing, or one there twice, a scenario has no figures.",
  "What an answer had waited for stands beside each figure: “fsync” means that the event was on disk before its 200. A server that keeps nothing, or answers before its disk does, does less work for an answer.",
];

/** The whole page. */
export function reportHtml(run: Run, compared: Compared | undefined): string {
  const chapters = [
    ...chapter(
      "Without figures",
      list(run.failures.map(({ scenario, kind, reason }) => `${scenario} (${kind}): ${reason}`)),
    ),
    ...chapter("Warnings", list(warningLines(run))),
    ...chapter("Method", method.map(paragraph).join("\n")),
    ...chapter("Goals", table(goalRows(run))),
    ...(compared === undefined ? [] : chapter("Comparison", comparison(compared))),
    ...run.results.flatMap((result) => chapter(result.scenario, scenario(result))),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Millrace, measured</title>
<style>
${style}</style>
</head>
<body>
<h1>Millrace, measured</h1>
<dl>
${recordLines(run)
  .map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`)
  .join("\n")}
</dl>
<nav aria-label="Chapters">${chapters.map(({ title, id }) => `<a href="#${id}">${escaped(title)}</a>`).join(" · ")}</nav>
${chapters.map(({ title, id, body }) => `<section id="${id}">\n<h2>${escaped(title)}</h2>\n${body}\n</section>`).join("\n")}
</body>
</html>
`;
}

/** None without a body. */
function chapter(title: string, body: string): { title: string; id: string; body: string }[] {
  return body === "" ? [] : [{ title, id: title.toLowerCase().replace(/[^a-z0-9]+/g, "-"), body }];
}

function scenario(result: ScenarioResult): string {
  const { about, plots, audits, skipped } = result;
  return [
    paragraph(about),
    table(figureRows(result)),
    ...plots.map(figure),
    ...audits.map((audit) => `<p class="quiet">Audit: ${escaped(audit)}</p>`),
    ...skipped.map(({ side, reason }) => `<p class="quiet">Skipped: ${escaped(side)}: ${escaped(reason)}</p>`),
  ].join("\n");
}

function figure(plot: Plot): string {
  const { rows, note } = plotRows(plot);
  const aside = note === "" ? "" : `<p class="quiet">${escaped(note)}</p>`;
  return `<figure>\n${plotSvg(plot)}\n<details><summary>The numbers of “${escaped(plot.title)}”</summary>${aside}${table(rows)}</details>\n</figure>`;
}

function comparison(compared: Compared): string {
  return comparisonNotes(compared).map(paragraph).join("\n") + table(comparisonRows(compared));
}

function paragraph(text: string): string {
  return `<p>${escaped(text)}</p>`;
}

function list(lines: readonly string[]): string {
  return lines.length === 0
    ? ""
    : `<ul class="careful">${lines.map((line) => `<li>${escaped(line)}</li>`).join("")}</ul>`;
}

const goodWords = ["reached", "better"];
const badWords = ["MISSED", "NOT MEASURED", "worse"];

function table(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  if (names.length === 0) return "";
  const numbers = new Set(names.filter((name) => isNumberColumn(rows.map((row) => row[name] ?? ""))));
  const attributes = (name: string, cell: string) => {
    const names = [
      ...(numbers.has(name) ? ["number"] : []),
      ...(goodWords.includes(cell) ? ["good"] : []),
      ...(badWords.includes(cell) ? ["bad"] : []),
    ];
    return names.length === 0 ? "" : ` class="${names.join(" ")}"`;
  };
  const head = names.map((name) => `<th scope="col"${attributes(name, "")}>${escaped(name)}</th>`).join("");
  const body = rows.map(
    (row) =>
      `<tr>${names.map((name) => `<td${attributes(name, row[name] ?? "")}>${escaped(row[name] ?? "")}</td>`).join("")}</tr>`,
  );
  return `<div class="wide"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table></div>`;
}
