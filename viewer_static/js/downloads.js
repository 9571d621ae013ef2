// The page of downloads while something is being prepared.

import { texts } from "./page.js";
import { watchProgress } from "./watching.js";

const t = await texts();

watchProgress({
  url: "/downloads/progress",
  list: "downloads",
  attribute: "data-download",
  /** @param {{id: string, state: string, percent: number}} download */
  said: ({ percent }) => t("downloads.preparing", { n: percent }),
  every: 1500,
});
