/* The sentence as tokens, turn by turn, with lines from one token to those that it looks at. */

import { html } from "htm/preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { BOT, USER } from "../engine/tokenizer.js";
import { joins, word } from "../parts/words.js";
import { currentStep, hovered, position, sequence } from "../state.js";
import { percent, t } from "../texts/index.js";
import { goTo, isStillHidden, lastPosition } from "./showing.js";

const LEAST_LINE = 0.02; // of the attention
const LEAST_NUMBER = 0.045;
const NUMBER_HEIGHT = 14; // px

/* looks: how much the token `from` looks at each one up to it, or null; watched: [place, weight] of later ones that look
at it. */
export function TokenFlow({ from = null, looks = null, watched = [], withIds = false }) {
  const flow = useRef();
  const places = usePlaces(flow, sequence.value.ids, withIds);
  const { ids } = sequence.value;
  const byPlace = new Map(watched);
  const turns = [];
  ids.forEach((id, at) => {
    if (!turns.length || id === USER || id === BOT) turns.push([]);
    turns.at(-1).push(at);
  });
  const move = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.stopPropagation();
    event.preventDefault();
    const next = Math.max(0, Math.min(ids.length - 1, (hovered.value ?? position.value) + by));
    flow.current.querySelector(`[data-at="${next}"]`)?.focus();
  };
  const isShort = looks === null && !withIds; // something else is looked at
  useLayoutEffect(() => {
    const here = flow.current.querySelector(".chip.here");
    if (isShort && here) flow.current.scrollTop = here.offsetTop - flow.current.clientHeight / 2;
  }, [isShort, position.value, ids]);
  return html`<div class=${`flow ${isShort ? "short" : ""}`} ref=${flow} role="group" aria-label=${t("flow.label")} onKeyDown=${move}
    onPointerLeave=${() => (hovered.value = null)}>
    ${turns.map(
      (turn) => html`<div class="turn" key=${turn[0]}>
        ${turn.map(
          (at) => html`<${Chip} key=${at} at=${at} weight=${looks?.[at] ?? 0} watching=${byPlace.get(at) ?? 0}
            isFrom=${looks !== null && at === from} withId=${withIds} />`,
        )}
      </div>`,
    )}
    ${looks && places && html`<${Lines} places=${places} from=${from} looks=${looks} watched=${watched} />`}
  </div>`;
}

function Chip({ at, weight, watching, isFrom, withId }) {
  const id = sequence.value.ids[at], here = position.value;
  const { ids } = sequence.value, isLater = at > here, isHidden = isStillHidden(at);
  const classes = ["chip"];
  if (id < 4) classes.push("mark");
  if (at > 0 && ids[at - 1] >= 4 && joins(id)) classes.push("joined");
  if (at === here) classes.push("here");
  if (isLater) classes.push("later");
  if (isFrom) classes.push("from");
  if (watching >= LEAST_NUMBER) classes.push("watching");
  const shown = isHidden ? "?" : word(id);
  const share = weight >= LEAST_NUMBER ? percent(weight) : watching >= LEAST_NUMBER ? percent(watching) : "";
  return html`<button type="button" class=${classes.join(" ")} data-at=${at} style=${`--weight:${weight.toFixed(3)}`}
    tabindex=${at === here ? 0 : -1} aria-current=${at === here ? "step" : null}
    onPointerMove=${(event) => isMoved(event) && (hovered.value = at)}
    onFocus=${(event) => event.target.matches(":focus-visible") && (hovered.value = at)}
    onBlur=${() => (hovered.value = null)}
    onClick=${() => hold(at)}>
    <span class="unseen">${t("chip", { n: at + 1 })} </span>
    <span class="text">${shown}</span>
    <small>${share && html`<span class="unseen">${t(watching ? "chip.watches" : "chip.looked")} </span>`}${withId ? (isHidden ? "" : id) : share}</small>
  </button>`;
}

/* Whether a mouse was moved. Where the page scrolls under a mouse that rests, nobody points at what comes there. */
const isMoved = (event) => event.pointerType === "mouse" && (event.movementX !== 0 || event.movementY !== 0);

/* Goes to a token, by mouse, key or finger. No word is made from the last one, so that it is only pointed at. */
function hold(at) {
  goTo(at);
  if (at > lastPosition.value) hovered.value = at;
}

function Lines({ places, from, looks, watched }) {
  const to = places[from];
  if (!to) return null;
  const lines = [];
  looks.forEach((weight, at) => {
    if (weight >= LEAST_LINE && at !== from && places[at]) lines.push([at, weight, path(to, places[at], weight), "looks"]);
  });
  for (const [at, weight] of watched)
    if (weight >= LEAST_LINE && places[at]) lines.push([at, weight, path(places[at], to, looks[from]), "watched"]);
  return html`<svg class="lines" aria-hidden="true">
    ${lines.map(
      ([at, weight, d, kind]) => html`<path key=${`${kind}${at}`} class=${kind} d=${d}
        style=${`stroke-width:${(0.8 + 6 * weight).toFixed(2)};opacity:${(0.25 + 0.75 * Math.min(1, 1.5 * weight)).toFixed(2)}`} />`,
    )}
  </svg>`;
}

/* From one chip up to another one before it: an arc above a shared line, else a curve between the lines, which ends below
the number of the other if its weight has one. */
function path(one, other, weight) {
  const x0 = one.x + one.width / 2, x1 = other.x + other.width / 2;
  if (Math.abs(one.y - other.y) < 4) {
    const top = one.y - Math.min(30, 8 + Math.abs(x0 - x1) * 0.16);
    return `M${x0} ${one.y} C${x0} ${top} ${x1} ${top} ${x1} ${one.y}`;
  }
  const y1 = other.y + other.height + (weight >= LEAST_NUMBER ? NUMBER_HEIGHT : 0), bend = Math.max(14, (one.y - y1) / 2);
  return `M${x0} ${one.y} C${x0} ${one.y - bend} ${x1} ${y1 + bend} ${x1} ${y1}`;
}

/* Where each chip stands in the flow: {x, y, width, height} by its place; measured again where the lines break anew. */
function usePlaces(flow, ids, withIds) {
  const [places, setPlaces] = useState(null);
  useLayoutEffect(() => {
    const measure = () => {
      const found = [];
      for (const chip of flow.current.querySelectorAll(".chip")) {
        const text = chip.querySelector(".text");
        const y = chip.offsetTop + text.offsetTop;
        found[chip.dataset.at] = { x: chip.offsetLeft, y, width: chip.offsetWidth, height: text.offsetHeight };
      }
      setPlaces(found);
    };
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(flow.current);
    return () => watcher.disconnect();
  }, [ids, withIds, currentStep.value.kind]);
  return places;
}
