// Trusted Types: htmx puts HTML of this server into pages, and the server escapes every fact in it.
// Text never becomes a script or the address of one: the policy makes neither.
window.trustedTypes?.createPolicy("default", { createHTML: (text) => text });
