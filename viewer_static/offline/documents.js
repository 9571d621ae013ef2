// What a series holds beside images: reports as text, documents and videos as files that a browser opens.

/** @typedef {import("./catalogue.js").Catalogue} Catalogue */
/** @typedef {import("./catalogue.js").Report} Report */
/** @typedef {import("./catalogue.js").Series} Series */

/**
 * @param {Series} series
 * @param {Catalogue} catalogue
 * @returns {HTMLElement[]}
 */
export function documentsOf(series, catalogue) {
  const shown = [...series.reports.map((report) => reportOf(report, catalogue)), ...series.links.map(linkOf(catalogue))];
  if (!shown.length && !series.total) {
    return [made("p", catalogue.t("nothing"), "card")];
  }
  return shown;
}

/**
 * @param {Report} report
 * @param {Catalogue} catalogue
 */
function reportOf(report, catalogue) {
  const article = made("article", "", "card report");
  article.append(made("h2", report.title || catalogue.t("report")));
  for (const [depth, isHeading, name, text] of report.items) {
    const line = made(isHeading ? `h${Math.min(depth + 2, 6)}` : "p", isHeading ? name || text : "");
    if (!isHeading) {
      line.append(...(name ? [made("strong", name), " "] : []), text);
      line.style.marginInlineStart = `${Math.min(depth - 1, 6)}rem`;
    }
    article.append(line);
  }
  return article;
}

/** @param {Catalogue} catalogue */
function linkOf(catalogue) {
  /** @param {import("./catalogue.js").Link} link */
  return ({ href, kind }) => {
    const card = made("div", "", "card");
    if (kind === "video") {
      const video = document.createElement("video");
      video.controls = true;
      video.preload = "metadata";
      video.src = href;
      video.setAttribute("aria-label", catalogue.t("video"));
      card.append(video);
    } else {
      const link = document.createElement("a");
      link.className = "button";
      link.href = href;
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = catalogue.t("pdf");
      card.append(link);
    }
    return card;
  };
}

/**
 * An element that holds a text.
 * @param {string} name
 * @param {string} [text]
 * @param {string} [kind]
 */
export function made(name, text = "", kind = "") {
  const element = document.createElement(name);
  element.textContent = text;
  element.className = kind;
  return element;
}
