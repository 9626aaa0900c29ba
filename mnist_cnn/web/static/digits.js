// A click on a digit chooses it, and fires `choose`. Gradio runs this when the component is on the page.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  props.value = { ...props.value, chosen: [...element.querySelectorAll("button")].indexOf(button) };
  trigger("choose");
});
