// The keys of the PIN on the screen, for gloves; a form that comes later has them too.
document.addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]");
  const field = key && key.form && key.form.elements.pin;
  if (!field) return;
  field.value = key.dataset.key ? (field.value + key.dataset.key).slice(0, 8) : field.value.slice(0, -1);
  field.focus({ preventScroll: true });
});

function ready(root) {
  for (const form of root.querySelectorAll("form[data-pin]")) {
    form.querySelector(".pin-pad").hidden = false;
    form.elements.pin.focus();
  }
}

document.addEventListener("htmx:afterSettle", () => ready(document));
ready(document);
