// The page of what comes from the archive while something is on its way.

import { watchProgress } from "../watching.js";

watchProgress({
  url: `${location.pathname}/progress`,
  list: "retrievals",
  attribute: "data-retrieval",
  /** @param {{id: number, state: string, percent: number, progress: string}} retrieval */
  said: ({ progress }) => progress,
  every: 2000,
});
