/* The loss of each epoch, and the numbers of the summary. */

import { html } from "htm/preact";
import { carried } from "../carried.js";
import { number, percent, t } from "../texts/index.js";

const WIDTH = 640, HEIGHT = 260, LEFT = 44, RIGHT = 90, TOP = 16, BOTTOM = 34;

export function Training() {
  const { history, numbers } = carried;
  return html`<div class="training">
    <h2><span class="section">§6</span> ${t("training")}</h2>
    <p>${t("training.about")}</p>
    ${history.length > 0 && html`<${Curve} history=${history} />`}
    ${numbers && html`<h2><span class="section">§12</span> ${t("numbers")}</h2><${Numbers} numbers=${numbers} />`}
  </div>`;
}

function Curve({ history }) {
  const lines = ["train_loss", "valid_loss"].map((key) => ({ key, points: history.filter((epoch) => epoch[key] !== null).map((epoch) => [epoch.epoch, epoch[key]]) }))
    .filter(({ points }) => points.length);
  const highest = Math.max(...lines.flatMap(({ points }) => points.map(([, loss]) => loss)));
  const last = Math.max(2, history.length);
  const x = (epoch) => LEFT + ((epoch - 1) / (last - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (loss) => TOP + (1 - loss / (highest * 1.05)) * (HEIGHT - TOP - BOTTOM);
  const ticks = niceTicks(highest);
  const about = lines.map(({ key, points }) => `${t(key)}: ${points.map(([epoch, loss]) => t("training.point", { epoch, loss: loss.toFixed(2) })).join(", ")}`).join(". ");
  return html`<svg class="curve" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${about}>
    ${ticks.map((tick) => html`<g class="tick"><path d=${`M${LEFT} ${y(tick)}H${WIDTH - RIGHT}`} /><text x=${LEFT - 8} y=${y(tick) + 4} text-anchor="end">${tick}</text></g>`)}
    ${epochTicks(history.length).map((epoch) => html`<text class="axis" x=${x(epoch)} y=${HEIGHT - 10} text-anchor="middle">${t("training.epoch", { epoch })}</text>`)}
    ${lines.map(({ key, points }) => {
      const [endX, endY] = points.at(-1);
      return html`<g class=${key}><path d=${`M${points.map(([epoch, loss]) => `${x(epoch).toFixed(1)} ${y(loss).toFixed(1)}`).join("L")}`} />
        ${points.map(([epoch, loss]) => points.length <= 60 && html`<circle cx=${x(epoch)} cy=${y(loss)} r="4" />`)}
        <text x=${x(endX) + 10} y=${y(endY) + (key === "valid_loss" ? -2 : 12)}>${t(key)} ${points.at(-1)[1].toFixed(2)}</text></g>`;
    })}
  </svg>`;
}

function niceTicks(highest) {
  const step = [0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5].find((size) => highest / size <= 5) ?? 10;
  return [...Array(Math.floor(highest / step) + 1).keys()].map((n) => Number((n * step).toFixed(2)));
}

function epochTicks(count) {
  const every = Math.ceil(count / 6);
  return [...Array(count).keys()].map((n) => n + 1).filter((epoch) => epoch === 1 || epoch === count || (epoch % every === 0 && count - epoch >= every));
}

function Numbers({ numbers }) {
  const rows = Object.entries(numbers).filter(([, value]) => value !== null);
  return html`<dl class="numbers">${rows.map(
    ([key, value]) => html`<div key=${key}><dt>${t(`numbers.${key}`)}</dt><dd>${key.endsWith("share") ? percent(value) : Number.isInteger(value) ? number(value) : value.toFixed(4)}</dd></div>`,
  )}</dl>`;
}
