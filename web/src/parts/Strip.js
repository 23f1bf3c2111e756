/* A vector as a strip of cells: blue below zero, orange above, the stronger the farther from zero. */

import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../texts/index.js";

const COLUMNS = 32;
const BELOW = [37, 99, 235], ABOVE = [226, 112, 20];

export function Strip({ name, values, columns = COLUMNS, highest = null, note = null }) {
  const canvas = useRef();
  const rows = Math.ceil(values.length / columns);
  useEffect(() => {
    const target = canvas.current.getContext("2d");
    const image = target.createImageData(columns, rows);
    const strongest = highest ?? quantile(values.map(Math.abs), 0.98);
    values.forEach((value, n) => {
      image.data.set(value < 0 ? BELOW : ABOVE, 4 * n);
      image.data[4 * n + 3] = Math.round(255 * Math.min(1, Math.abs(value) / (strongest || 1)));
    });
    target.putImageData(image, 0, 0);
  }, [values]);
  const length = Math.hypot(...values).toFixed(1);
  const about = t("strip.about", { name, n: values.length, length });
  return html`<figure class="strip">
    <canvas ref=${canvas} width=${columns} height=${rows} role="img" aria-label=${about} style=${`aspect-ratio:${columns}/${rows}`} />
    <figcaption><b>${name}</b> <span>${note ?? t("strip.note", { n: values.length, length })}</span></figcaption>
  </figure>`;
}

function quantile(values, share) {
  const sorted = Float32Array.from(values).sort();
  return sorted[Math.floor((sorted.length - 1) * share)];
}
