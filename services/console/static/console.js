// The little that htmx does not do: a menu that closes, and rows that a keyboard can open.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.menu-toggle[open]")) open.open = false;
  }
});

// A slider over the days between two dates: it sets a field of its form, and sends the form when it is let go.
document.addEventListener("input", ({ target }) => {
  if (target.dataset.sets) target.form.elements[target.dataset.sets].value = dayOf(target);
});
document.addEventListener("change", ({ target }) => {
  if (target.dataset.sets) target.form.requestSubmit();
});
for (const slider of document.querySelectorAll("input[data-sets]")) {
  const chosen = slider.form.elements[slider.dataset.sets].value;
  const [first, last] = [slider.dataset.first, slider.dataset.last].map(Date.parse);
  if (chosen) slider.value = (slider.max * (Date.parse(chosen) - first)) / (last - first);
}

function dayOf({ dataset, value, max }) {
  const [first, last] = [dataset.first, dataset.last].map(Date.parse);
  return new Date(first + ((last - first) * value) / max).toISOString().slice(0, 10);
}
