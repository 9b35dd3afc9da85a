// A camera's picture, when somebody asks for it: each look is on record, so none is taken by itself.
for (const box of document.querySelectorAll("[data-still]")) {
  const button = box.querySelector("[data-show]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const image = new Image();
    image.alt = box.dataset.alt;
    image.src = `${box.dataset.still}?at=${Date.now()}`;
    const said = document.createElement("p");
    try {
      await image.decode();
      box.replaceChildren(image, button);
    } catch {
      said.className = "notice notice-warn";
      said.textContent = box.dataset.none;
      box.replaceChildren(said, button);
    }
    button.disabled = false;
  });
}
