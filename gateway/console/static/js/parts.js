// Puts parts of a page in place that the console sent as HTML: an element with data-part="door:main"
// is replaced by the newest HTML of that part.  Children with data-key stay the same elements while
// their key is there, so that a picture is not asked for again and a button keeps the finger on it.
import { markup } from "./markup.js";
import { seen } from "./times.js";

function place(old, fresh) {
  if (old.querySelector("[data-key]") || fresh.querySelector("[data-key]")) return keyed(old, fresh);
  const held = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  window.htmx?.process(fresh);
  if (held) again(fresh, held)?.focus({ preventScroll: true });
  return fresh;
}

// The element of the new part that stands where the focus was.
function again(fresh, held) {
  if (held.id) return document.getElementById(held.id);
  const to = held.getAttribute("href");
  return to ? [...fresh.querySelectorAll("a")].find((link) => link.getAttribute("href") === to) ?? fresh.querySelector("a, button") : null;
}

function keyed(old, fresh) {
  const known = new Map([...old.children].filter((child) => child.dataset.key).map((child) => [child.dataset.key, child]));
  const wanted = [...fresh.children];
  const keys = new Set(wanted.map((child) => child.dataset.key));
  for (const child of [...old.children]) if (!keys.has(child.dataset.key)) child.remove();
  for (const [at, child] of wanted.entries()) {
    const kept = child.dataset.key && known.get(child.dataset.key);
    if (kept) {
      if (old.children[at] !== kept) old.insertBefore(kept, old.children[at] ?? null);
      continue;
    }
    old.insertBefore(child, old.children[at] ?? null);
    window.htmx?.process(child);
  }
  return old;
}

function feed(told) {
  const list = document.getElementById("feed");
  if (!list || !told.feed) return;
  const newest = Number(list.firstElementChild?.dataset.seq ?? 0);
  const rows = [...markup(`<ol>${told.feed}</ol>`).children].filter(
    (row) => !row.dataset.seq || Number(row.dataset.seq) > newest,
  );
  list.prepend(...rows);
  while (list.children.length > Number(list.dataset.most) + 1) list.lastElementChild.remove(); // a gap's line
}

export function apply(told) {
  for (const [name, part] of Object.entries(told.parts)) {
    for (const old of document.querySelectorAll(`[data-part="${CSS.escape(name)}"]`)) {
      const fresh = markup(part.html);
      if (fresh) place(old, fresh);
      if (part.at) seen(name, part.at);
    }
  }
  feed(told);
  if (told.at) seen("feed", told.at);
  document.dispatchEvent(new CustomEvent("garita:parts"));
}

export const wanted = () => document.querySelector("[data-part]") !== null;
