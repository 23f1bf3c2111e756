/* The loss in the course of the training: x in epochs, y in nats per token. Numbered marks are the moments at which the
model answered (Answers.js). */

import { html } from "htm/preact";
import { t } from "../texts/index.js";

const WIDTH = 640, HEIGHT = 260, LEFT = 44, RIGHT = 130, TOP = 26, BOTTOM = 34;
const MOST_DOTS = 60;

/* history: a row for each epoch; losses: [[step, loss]] within the epochs, or none; moments: steps; steps: of all epochs. */
export function Curve({ history, losses, moments, steps }) {
  const ofEpochs = (key) => history.filter((epoch) => epoch[key] !== null).map((epoch) => [epoch.epoch, epoch[key]]);
  const inEpochs = (step) => (step * history.length) / steps;
  const lines = [
    { key: "train_loss", points: losses.length ? losses.map(([step, loss]) => [inEpochs(step), loss]) : ofEpochs("train_loss"), ends: ofEpochs("train_loss") },
    { key: "valid_loss", points: ofEpochs("valid_loss"), ends: ofEpochs("valid_loss") },
  ].filter(({ points }) => points.length);
  const highest = Math.max(...lines.flatMap(({ points }) => points.map(([, loss]) => loss)));
  const first = losses.length ? 0 : 1, last = Math.max(first + 1, history.length);
  const x = (epoch) => LEFT + ((epoch - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (loss) => TOP + (1 - loss / (highest * 1.05)) * (HEIGHT - TOP - BOTTOM);
  const about = lines
    .map(({ key, ends }) => `${t(key)}: ${ends.map(([epoch, loss]) => t("training.point", { epoch, loss: loss.toFixed(2) })).join(", ")}`)
    .join(". ");
  const names = placed(lines.map(({ key, points }) => ({ key, loss: points.at(-1)[1], y: y(points.at(-1)[1]) + 4 })));
  return html`<svg class="curve" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${about}>
    ${niceTicks(highest).map((tick) => html`<g class="tick"><path d=${`M${LEFT} ${y(tick)}H${WIDTH - RIGHT}`} /><text x=${LEFT - 8} y=${y(tick) + 4} text-anchor="end">${tick}</text></g>`)}
    ${epochTicks(history.length).map((epoch) => html`<text class="axis" x=${x(epoch)} y=${HEIGHT - 10} text-anchor="middle">${t("training.epoch", { epoch })}</text>`)}
    ${moments.map((step, n) => html`<g class="moment"><path d=${`M${x(inEpochs(step))} ${TOP}V${HEIGHT - BOTTOM}`} /><text x=${x(inEpochs(step))} y=${TOP - 7} text-anchor="middle">${n + 1}</text></g>`)}
    ${lines.map(({ key, points }) => html`<g class=${key}><path d=${`M${points.map(([epoch, loss]) => `${x(epoch).toFixed(1)} ${y(loss).toFixed(1)}`).join("L")}`} />
      ${points.length <= MOST_DOTS && points.map(([epoch, loss]) => html`<circle cx=${x(epoch)} cy=${y(loss)} r="4" />`)}</g>`)}
    ${names.map(({ key, loss, y: at }) => html`<text x=${x(last) + 10} y=${at}>${t(key)} ${loss.toFixed(2)}</text>`)}
  </svg>`;
}

/* Names at the ends of lines, moved apart where they would lie on each other. */
function placed(names) {
  const [upper, lower] = names.sort((one, other) => one.y - other.y);
  if (lower && lower.y - upper.y < 22) [upper.y, lower.y] = [(upper.y + lower.y) / 2 - 11, (upper.y + lower.y) / 2 + 11];
  return names;
}

function niceTicks(highest) {
  const step = [0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5].find((size) => highest / size <= 5) ?? 10;
  return [...Array(Math.floor(highest / step) + 1).keys()].map((n) => Number((n * step).toFixed(2)));
}

function epochTicks(count) {
  const every = Math.ceil(count / 6);
  return [...Array(count).keys()].map((n) => n + 1).filter((epoch) => epoch === 1 || epoch === count || (epoch % every === 0 && count - epoch >= every));
}
