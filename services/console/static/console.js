// The little that htmx does not do: a menu that closes, and rows that a keyboard can open.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.menu-toggle[open]")) open.open = false;
  }
});
