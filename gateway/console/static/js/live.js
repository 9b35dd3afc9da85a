// The live page: times that run, and pictures that are not there.
const minutes = (ms) => {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
};

const OLD_MS = 120000; // a passage of before is shown more quietly

function tick() {
  const now = Date.now();
  for (const age of document.querySelectorAll("[data-since]")) age.textContent = minutes(now - Date.parse(age.dataset.since));
  for (const left of document.querySelectorAll("[data-until]")) {
    const ms = Date.parse(left.dataset.until) - now;
    if (left.tagName === "METER") left.value = Math.max(0, ms / 1000);
    else left.textContent = minutes(ms + 999);
    if (ms <= 0) left.closest("[data-key]")?.setAttribute("data-over", "");
  }
  for (const pass of document.querySelectorAll(".pass[data-at]")) pass.classList.toggle("is-old", now - Date.parse(pass.dataset.at) > OLD_MS);
}

tick();
setInterval(tick, 500);
document.addEventListener("garita:parts", tick);

// A person without a portrait, a camera without a picture: the place is left out.
document.addEventListener(
  "error",
  (event) => {
    if (event.target.tagName === "IMG") event.target.closest("figure")?.setAttribute("hidden", "");
  },
  true,
);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-close]");
  if (button) document.querySelector(button.dataset.close).replaceChildren();
});
