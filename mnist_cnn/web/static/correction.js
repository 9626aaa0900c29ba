// A click on a digit fires `pick` with it. Gradio runs this when the component is on the page.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) trigger("pick", { digit: Number(button.textContent) });
});
