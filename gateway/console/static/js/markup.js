// HTML that this console's own server sent, as an element.  The server escapes every fact in it; a
// browser with Trusted Types takes HTML only through this policy.
const policy = window.trustedTypes?.createPolicy("garita", { createHTML: (text) => text });

export function markup(text) {
  const page = new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");
  const made = page.body.firstElementChild;
  return made ? document.adoptNode(made) : null;
}
