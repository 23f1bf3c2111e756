/* Many buttons that are one stop of the Tab key: the arrows, Home and End go from one to the other, and Tab comes back to where
one was. */

import { useEffect, useState } from "preact/hooks";

/* size: how many; columns: of a grid, or 1 of a list, which leaves → and ← to what is around it; here: the one that Tab comes to
first. Gives onKeyDown for what holds the buttons, and stop(n) with the attributes of each. */
export function useRoving({ size, columns = 1, here }) {
  const [at, setAt] = useState(here);
  useEffect(() => setAt(here), [here]);
  const onKeyDown = (event) => {
    if (event.altKey || event.metaKey || event.shiftKey) return;
    // Where the focus is, since a key may come before the last one is drawn.
    const next = nextOf(event, Number(event.target.dataset.stop), size, columns);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    event.currentTarget.querySelector(`[data-stop="${next}"]`)?.focus();
  };
  return { onKeyDown, stop: (n) => ({ "data-stop": n, tabindex: n === at ? 0 : -1, onFocus: () => setAt(n) }) };
}

/* Where a key leads; null for a key that leads nowhere. In a grid Home and End stay in the row, but for Ctrl. */
function nextOf({ key, ctrlKey }, at, size, columns) {
  const isGrid = columns > 1, column = at % columns;
  if (key === "Home") return isGrid && !ctrlKey ? at - column : 0;
  if (key === "End") return isGrid && !ctrlKey ? at - column + columns - 1 : size - 1;
  if (ctrlKey) return null;
  if (key === "ArrowUp") return at < columns ? at : at - columns;
  if (key === "ArrowDown") return at + columns < size ? at + columns : at;
  if (!isGrid) return null;
  if (key === "ArrowLeft") return column === 0 ? at : at - 1;
  if (key === "ArrowRight") return column === columns - 1 ? at : at + 1;
  return null;
}
