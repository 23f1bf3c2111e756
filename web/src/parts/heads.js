/* How heads that are off are written for reading. */

import { t } from "../texts/index.js";

const NAMED = 3;

/* "layer.head" names in words, counted from 1; of many only the first. */
export function headNames(names) {
  const shown = names.map((name) => {
    const [layer, head] = name.split(".").map((number) => Number(number) + 1);
    return t("head.listed", { layer, head });
  });
  return shown.length <= NAMED ? shown.join(", ") : t("heads.many", { first: shown[0], n: shown.length - 1 });
}
