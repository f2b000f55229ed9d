/** A funnel as bars: how many did each step, their share, who left, and how long it took. */
import { count, duration, share, visible } from "../parts/numbers.ts";
import type { FunnelStep } from "./funnel-rows.ts";

/** One funnel, of all or of one value of the breakdown. `who`: what is counted. */
export function FunnelBars(props: {
  caption: string;
  steps: readonly FunnelStep[];
  who: string;
  isCaptionSeen: boolean;
}) {
  const { caption, steps, who, isCaptionSeen } = props;
  return (
    // A region that scrolls must be reachable by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="table whole" aria-label={`${caption}: steps`} tabIndex={0}>
      <table class="funnel">
        <caption class={isCaptionSeen ? "" : "unseen"}>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col" class="number">
              {who}
            </th>
            <th scope="col" class="number">
              of first
            </th>
            <th scope="col" class="number">
              of previous
            </th>
            <th scope="col" class="number">
              left
            </th>
            <th scope="col" class="number">
              median time
            </th>
          </tr>
        </thead>
        <tbody>
          {steps.map(({ step, eventName, reached, ofFirst, ofPrevious, left, medianSeconds }) => (
            <tr key={step}>
              <th scope="row">
                <span class="name">
                  {step}. {visible(eventName)}
                </span>
                <span class="track" aria-hidden="true">
                  <span class={reached > 0 ? "fill some" : "fill"} style={{ inlineSize: `${100 * (ofFirst ?? 0)}%` }} />
                </span>
              </th>
              <td class="number">{count(reached)}</td>
              <td class="number">{shareText(ofFirst)}</td>
              <td class="number">{step === 1 ? "" : shareText(ofPrevious)}</td>
              <td class="number">{left === undefined ? "" : count(left)}</td>
              <td class="number">{medianSeconds === undefined ? "" : duration(medianSeconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Nobody came as far as the step before: there is no share. */
const shareText = (value: number | undefined) => (value === undefined ? "–" : share(value));
